package jwt

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// maxHeaders bounds how many headers are remembered.
const maxHeaders = 64

// headers remembers the headers of tokens that were good, as they were spelled:
// all tokens of a key have the same one, which need not be decoded each time.
type headers struct {
	mu    sync.Mutex
	known atomic.Pointer[map[string]jose.Header]
}

func (hs *headers) get(segment string) (jose.Header, bool) {
	known := hs.known.Load()
	if known == nil {
		return jose.Header{}, false
	}
	h, ok := (*known)[segment]
	return h, ok
}

// put remembers a header. A full map begins anew: keys rotate, and what is in
// use is back with the next token.
func (hs *headers) put(segment string, h jose.Header) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	known := map[string]jose.Header{}
	if old := hs.known.Load(); old != nil && len(*old) < maxHeaders {
		maps.Copy(known, *old)
	}
	h.KeyID = strings.Clone(h.KeyID) // which is a part of a longer text
	known[strings.Clone(segment)] = h
	hs.known.Store(&known)
}
