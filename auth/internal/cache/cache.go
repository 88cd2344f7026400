// Package cache remembers results about tokens, within bounds. The packages
// that read tokens share it.
package cache

import (
	"crypto/sha256"
	"sync"
	"time"
)

// A Key is the hash of everything that an entry depends on, so that two tokens
// never share an entry.
type Key = [sha256.Size]byte

const (
	mostShards = 16
	// shardEntries is the number of entries that justifies a further shard.
	shardEntries = 64
	// entryBytes bounds the average size of an entry.
	entryBytes = 1 << 10
)

// A Cache remembers values by key. It is bounded in number and in bytes, at 1
// KiB for each entry on average. The oldest entry is evicted first. A Cache is
// safe for concurrent use.
type Cache[V any] struct {
	shards []shard[V]
}

type shard[V any] struct {
	mu      sync.RWMutex
	entries map[Key]entry[V]
	order   []Key // ring of the entries, by age
	oldest  int
	bytes   int
	most    int // entries
}

type entry[V any] struct {
	value V
	bytes int
}

// New returns a cache of at most size entries. If size is below 1, the cache is
// always empty.
func New[V any](size int) *Cache[V] {
	if size < 1 {
		return &Cache[V]{}
	}
	c := &Cache[V]{shards: make([]shard[V], min(max(size/shardEntries, 1), mostShards))}
	for i := range c.shards {
		c.shards[i].most = size / len(c.shards)
		c.shards[i].entries = map[Key]entry[V]{}
	}
	return c
}

func (c *Cache[V]) shard(k *Key) *shard[V] { return &c.shards[int(k[0])%len(c.shards)] }

// Get returns the value, or zero.
func (c *Cache[V]) Get(k Key) V {
	var none V
	if len(c.shards) == 0 {
		return none
	}
	s := c.shard(&k)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[k].value
}

// Put remembers a value of so many bytes.
func (c *Cache[V]) Put(k Key, value V, bytes int) {
	if len(c.shards) > 0 {
		c.shard(&k).put(k, entry[V]{value, bytes})
	}
}

// Drop forgets the value. It keeps the place of the entry for the next value.
func (c *Cache[V]) Drop(k Key) {
	if len(c.shards) == 0 {
		return
	}
	s := c.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, found := s.entries[k]; found {
		s.entries[k] = entry[V]{}
		s.bytes -= old.bytes
	}
}

func (s *shard[V]) put(k Key, e entry[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.entries[k]
	budget := s.most * entryBytes
	switch {
	case e.bytes > budget: // too large to keep, and the old value is out of date
		if known {
			s.entries[k] = entry[V]{}
			s.bytes -= old.bytes
		}
	case known: // its place in the order stays
		s.bytes += e.bytes - old.bytes
		s.entries[k] = e
		for s.bytes > budget {
			s.evict()
		}
	default:
		for len(s.entries) >= s.most || s.bytes+e.bytes > budget {
			s.evict()
		}
		s.append(k)
		s.entries[k] = e
		s.bytes += e.bytes
	}
}

// append adds to the ring, which grows up to its bound.
func (s *shard[V]) append(k Key) {
	if len(s.entries) == len(s.order) {
		// All places are taken, so the oldest entry is at s.oldest.
		grown := make([]Key, 0, min(max(2*len(s.order), 16), s.most))
		grown = append(append(grown, s.order[s.oldest:]...), s.order[:s.oldest]...)
		s.order, s.oldest = grown[:cap(grown)], 0
	}
	s.order[(s.oldest+len(s.entries))%len(s.order)] = k
}

func (s *shard[V]) evict() {
	k := s.order[s.oldest]
	s.oldest = (s.oldest + 1) % len(s.order)
	s.bytes -= s.entries[k].bytes
	delete(s.entries, k)
}

// Held returns the number of entries and their bytes.
func (c *Cache[V]) Held() (entries, bytes int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		entries += len(s.entries)
		bytes += s.bytes
		s.mu.RUnlock()
	}
	return entries, bytes
}

// Passed reports whether the time end has passed on either clock: on the
// monotonic clock, if both times have a reading of it, or on the wall clock.
// The first stands still while a machine is suspended, and the second can be
// set back.
func Passed(now, end time.Time) bool { return !now.Before(end) || !now.Round(0).Before(end) }
