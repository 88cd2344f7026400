package jwt

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

const (
	cacheShards = 16
	// cacheTime bounds how long a verified token is believed without looking at
	// its signature again.
	cacheTime = time.Minute
	// entryBytes is what a remembered token may take on average, of which
	// entryOverhead is what it takes beside its payload.
	entryBytes    = 1 << 10
	entryOverhead = 640
)

// cache remembers verified tokens by the SHA-256 of the whole token, so that no
// two tokens share an entry. Only successes are kept: who sends garbage fills
// nothing. It is bounded in number and in bytes; the oldest goes first.
type cache struct {
	shards []shard
}

type shard struct {
	mu      sync.RWMutex
	entries map[[sha256.Size]byte]*verified
	order   [][sha256.Size]byte // ring of the entries, by age
	oldest  int
	bytes   int
	most    int // entries
}

// verified is what a good token came to. It never changes.
type verified struct {
	principal  *bulwark.Principal
	thumbprint [sha256.Size]byte // of the key
	expires    time.Time
	bytes      int
}

// live reports whether the token is still to be believed at the time.
func (e *verified) live(now time.Time) bool { return !passed(now, e.expires) }

// newCache returns a cache of at most size entries; below one it keeps none.
func newCache(size int) *cache {
	if size < 1 {
		return &cache{}
	}
	c := &cache{shards: make([]shard, min(cacheShards, size))}
	for i := range c.shards {
		c.shards[i].most = size / len(c.shards)
		c.shards[i].entries = map[[sha256.Size]byte]*verified{}
	}
	return c
}

func (c *cache) shard(digest *[sha256.Size]byte) *shard {
	return &c.shards[int(digest[0])%len(c.shards)]
}

// get returns the entry, which may have run out, or nil.
func (c *cache) get(digest [sha256.Size]byte) *verified {
	if len(c.shards) == 0 {
		return nil
	}
	s := c.shard(&digest)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[digest]
}

// put remembers a token that has just been verified.
func (c *cache) put(digest [sha256.Size]byte, p *bulwark.Principal, thumbprint [sha256.Size]byte, payload int, now time.Time) {
	if len(c.shards) == 0 {
		return
	}
	entry := &verified{principal: p, thumbprint: thumbprint, expires: now.Add(cacheTime), bytes: payload + entryOverhead}
	if p.ExpiresAt.Before(entry.expires) {
		entry.expires = p.ExpiresAt
	}
	c.shard(&digest).put(digest, entry)
}

func (s *shard) put(digest [sha256.Size]byte, entry *verified) {
	s.mu.Lock()
	defer s.mu.Unlock()
	budget := s.most * entryBytes
	if entry.bytes > budget {
		return
	}
	if old := s.entries[digest]; old != nil { // verified again: its place in the order stays
		s.bytes += entry.bytes - old.bytes
		s.entries[digest] = entry
	} else {
		for len(s.entries) >= s.most || s.bytes+entry.bytes > budget {
			s.evict()
		}
		s.append(digest)
		s.entries[digest] = entry
		s.bytes += entry.bytes
	}
}

// append adds to the ring, which grows up to its bound.
func (s *shard) append(digest [sha256.Size]byte) {
	if len(s.entries) == len(s.order) {
		// Full: all places are taken, so that the oldest stands at s.oldest.
		grown := make([][sha256.Size]byte, 0, min(max(2*len(s.order), 16), s.most))
		grown = append(append(grown, s.order[s.oldest:]...), s.order[:s.oldest]...)
		s.order, s.oldest = grown[:cap(grown)], 0
	}
	s.order[(s.oldest+len(s.entries))%len(s.order)] = digest
}

func (s *shard) evict() {
	digest := s.order[s.oldest]
	s.oldest = (s.oldest + 1) % len(s.order)
	s.bytes -= s.entries[digest].bytes
	delete(s.entries, digest)
}
