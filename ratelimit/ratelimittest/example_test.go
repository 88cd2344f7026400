package ratelimittest_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
)

// TestStore opens a new store for each rule.
func ExampleTestStore() {
	_ = func(t *testing.T) { // func TestMyStore(t *testing.T)
		ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
			return &ratelimit.MemoryStore{Max: 4096}
		})
	}
}
