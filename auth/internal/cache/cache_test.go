package cache_test

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark/auth/internal/cache"
)

// keyOf is one of many keys, spread over the shards as hashes are.
func keyOf(n int) (k cache.Key) {
	k[0] = byte(n)
	binary.BigEndian.PutUint64(k[1:], uint64(n))
	return k
}

func TestTheOldestGoesFirst(t *testing.T) {
	c := cache.New[int](50) // one shard
	for n := range 60 {
		c.Put(keyOf(n), n+1, 100)
	}
	for n := range 60 {
		want := n + 1
		if n < 10 {
			want = 0
		}
		if got := c.Get(keyOf(n)); got != want {
			t.Errorf("%d is %d, want %d", n, got, want)
		}
	}
	if entries, bytes := c.Held(); entries != 50 || bytes != 5000 {
		t.Errorf("%d entries of %d bytes, want 50 of 5000", entries, bytes)
	}
}

func TestBytesAreBounded(t *testing.T) {
	c := cache.New[int](50)
	for n := range 100 {
		c.Put(keyOf(n), 1, 10<<10)
	}
	if entries, bytes := c.Held(); entries != 5 || bytes != 50<<10 {
		t.Errorf("%d entries of %d bytes, want 5 of %d", entries, bytes, 50<<10)
	}
	c.Put(keyOf(99), 2, 1) // takes the place of a large one
	if _, bytes := c.Held(); bytes != 40<<10+1 || c.Get(keyOf(99)) != 2 {
		t.Errorf("%d bytes", bytes)
	}
	c.Put(keyOf(98), 2, 50<<10+1) // is larger than all there is room for
	if c.Get(keyOf(98)) != 0 {
		t.Error("a value that is out of date is still there")
	}
	c.Put(keyOf(200), 2, 50<<10) // fits alone
	if entries, bytes := c.Held(); c.Get(keyOf(200)) != 2 || bytes > 50<<10 {
		t.Errorf("%d entries of %d bytes", entries, bytes)
	}
}

func TestDrop(t *testing.T) {
	c := cache.New[int](100)
	c.Drop(keyOf(1))
	c.Put(keyOf(1), 1, 10)
	c.Drop(keyOf(1))
	if _, bytes := c.Held(); bytes != 0 || c.Get(keyOf(1)) != 0 {
		t.Errorf("%d bytes, %d", bytes, c.Get(keyOf(1)))
	}
	for n := range 1000 {
		c.Put(keyOf(n), n, 10)
	}
	if entries, _ := c.Held(); entries > 100 {
		t.Errorf("%d entries", entries)
	}
}

func TestNoCache(t *testing.T) {
	for _, size := range []int{0, -1} {
		c := cache.New[int](size)
		c.Put(keyOf(1), 1, 1)
		c.Drop(keyOf(1))
		if entries, _ := c.Held(); entries != 0 || c.Get(keyOf(1)) != 0 {
			t.Errorf("%d remembers something", size)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	c := cache.New[int](128)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				k := keyOf(n % (100 + 50*g))
				c.Put(k, 1, 2000)
				c.Get(k)
				if n%7 == 0 {
					c.Drop(k)
				}
			}
		})
	}
	wg.Wait()
	if entries, bytes := c.Held(); entries > 128 || bytes > 128<<10 {
		t.Errorf("%d entries of %d bytes", entries, bytes)
	}
}
