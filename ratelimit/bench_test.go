package ratelimit_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func BenchmarkWrap(b *testing.B) {
	for i, p := range hotPaths {
		b.Run(p.name, func(b *testing.B) {
			h, r, w, _ := hot(b, i)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkRandomKeys spreads over 100,000 addresses.
func BenchmarkRandomKeys(b *testing.B) {
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: fast}))
	h := m.Wrap(&spy{})
	requests := make([]*http.Request, 100_000)
	for i := range requests {
		var octets [4]byte
		binary.BigEndian.PutUint32(octets[:], uint32(i*7919))
		requests[i], _ = quietRequest(netip.AddrPortFrom(netip.AddrFrom4(octets), 1).String())
	}
	w := discard{http.Header{}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, requests[i])
		if i++; i == len(requests) {
			i = 0
		}
	}
}

func BenchmarkDenied(b *testing.B) {
	for name, rate := range map[string]ratelimit.Rate{
		"gcra": "1/day", "fixed_window": "1/day,fixed-window", "sliding_log": "1/day,sliding-log", "sliding_log_64": "64/day,sliding-log", "two_windows": "1/day; 100/month",
	} {
		b.Run(name, func(b *testing.B) {
			m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: rate, MaxKeys: 1024}))
			r, _ := quietRequest("192.0.2.1:1")
			r, scope := bulwark.Enter(r)
			for range 64 {
				ratelimit.Decide(m, r, scope)
			}
			b.ReportAllocs()
			for b.Loop() {
				ratelimit.Decide(m, r, scope)
			}
		})
	}
}

func BenchmarkDeniedAndAnswered(b *testing.B) {
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/day", MaxKeys: 1024}))
	h := m.Wrap(&spy{})
	r, w := quietRequest("192.0.2.1:1")
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

func BenchmarkHotKeyParallel(b *testing.B) {
	for _, keys := range []int{1, 1000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Rate: fast, MaxKeys: 1 << 14}))
			names := make([]string, keys)
			for i := range names {
				names[i] = fmt.Sprint(i)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					m.Take(b.Context(), names[i%keys])
				}
			})
		})
	}
}

// BenchmarkConcurrency lets one request after the other in and out.
func BenchmarkConcurrency(b *testing.B) {
	for name, c := range map[string]ratelimit.Concurrency{
		"global": {Max: 10},
		"per_ip": {Max: 10, Key: ratelimit.ByIP, MaxPerKey: 2},
	} {
		b.Run(name, func(b *testing.B) {
			c.Name = "n"
			h := bulwark.Must(ratelimit.NewConcurrency(c)).Wrap(&spy{})
			r, w := quietRequest("192.0.2.1:1")
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
