package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// inside is a single layer inside a scope.
func inside(name string, part bulwark.Builder, load Workload) Case {
	load.Scoped = true
	return handled(name, bareName, func() (http.Handler, error) { return wrapped(part) }, load)
}

// A limit that no benchmark exceeds.
const (
	ample       = 1_000_000_000
	ampleWindow = time.Hour
)

// limited is a case of one limiter around a handler that does nothing. Ours
// stands inside a scope, which a chain installs once.
func limited(l Limiter, name string, limit int, window time.Duration) Case {
	load := Workloads()[0]
	load.Scoped = l.Name == ourLimiter
	return handled(name, bareName, func() (http.Handler, error) {
		wrap, err := l.New(limit, window, 1<<17)
		if err != nil {
			return nil, err
		}
		return wrap(nothing), nil
	}, load)
}

// taking is a case of Take for one key.
func taking(name string, rate ratelimit.Rate) Case {
	return plain(name, "", func() (func(), error) {
		limit, err := ratelimit.New(ratelimit.Config{Name: "login", Rate: rate, MaxKeys: 1024})
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		limit.Take(ctx, "alice")
		return func() { limit.Take(ctx, "alice") }, nil
	})
}

// peerRatios bounds ours by each peer.
func peerRatios(times float64, name func(Limiter) string) (musts []Must) {
	all := Limiters()
	for _, peer := range all[1:] {
		musts = append(musts, ratio(fmt.Sprintf("≥ %g× faster than %s", times, peer.Name), name(all[0]), name(peer), 1/times))
	}
	return musts
}

// rateTable measures one key that is never exceeded.
func rateTable() Table {
	name := func(l Limiter) string { return l.Name + ", one key" }
	t := Table{
		Name: "Rate limits: one key, with header fields", Ours: name(Limiters()[0]),
		Note:  "Net of a handler without layers; ours inside a scope, which a chain installs once.",
		Cases: []Case{bare()},
		Musts: []Must{allocs("≤ 2 allocations", name(Limiters()[0]), "", 2)},
	}
	for _, l := range Limiters() {
		t.Cases = append(t.Cases, limited(l, name(l), ample, ampleWindow))
	}
	t.Musts = append(t.Musts, peerRatios(2.5, name)...)
	return t
}

// deniedTable measures one key that is always over its limit.
func deniedTable() Table {
	const allowed, denied = "bulwark ratelimit Take, allowed", "bulwark ratelimit Take, denied"
	name := func(l Limiter) string { return l.Name + ", denied and answered" }
	ours := name(Limiters()[0])
	t := Table{
		Name: "Rate limits: denied", Ours: ours,
		Note:  "The decision alone, without an answer, and whole middleware, net of a handler without layers. Ours answers with problem details and reports an event.",
		Cases: []Case{bare(), taking(allowed, plenty), taking(denied, "1/day")},
		Musts: []Must{
			ratio("denied: ≤ 1.3× the allowed decision", denied, allowed, 1.3),
			allocs("denied: ≤ 2 allocations", denied, "", 2),
			ratio("answered: ≤ 1.2× httprate's 429", ours, httprate0+", denied and answered", 1.2),
		},
	}
	for _, l := range Limiters() {
		t.Cases = append(t.Cases, limited(l, name(l), 1, 24*time.Hour))
	}
	return t
}

// randomTable spreads over many addresses.
func randomTable() Table {
	name := func(l Limiter) string { return l.Name + ", 100,000 addresses" }
	t := Table{
		Name: "Rate limits: 100,000 random keys", Ours: name(Limiters()[0]),
		Note:  "Net of a handler without layers. Ours counts by a function that cuts the port off, as the peers do: the scope that a chain installs has one address.",
		Cases: []Case{{Name: bareName, Open: func() (Run, error) { return Spread(nothing, false), nil }}},
		Musts: peerRatios(2, name),
	}
	for _, l := range Limiters() {
		t.Cases = append(t.Cases, Case{Name: name(l), Base: bareName, Open: func() (Run, error) {
			if l.Name == ourLimiter {
				l = ByHost()
			}
			wrap, err := l.New(ample, ampleWindow, 1<<17)
			if err != nil {
				return Run{}, err
			}
			return Spread(wrap(nothing), l.Name == ourLimiter), nil
		}})
	}
	return t
}

// ByHost is our limiter by the address of the connection, whatever the scope of
// the request says.
func ByHost() Limiter {
	return Limiter{ourLimiter, func(limit int, window time.Duration, keys int) (func(http.Handler) http.Handler, error) {
		m, err := ratelimit.New(ratelimit.Config{Name: "host", Rate: rateText(limit, window), MaxKeys: keys, Key: ratelimit.KeyFunc(func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		})})
		if err != nil {
			return nil, err
		}
		return m.Wrap, nil
	}}
}

// Spread drives h with requests from 100,000 addresses in turn, inside one
// scope or without.
func Spread(h http.Handler, scoped bool) Run {
	load := Workloads()[0]
	load.Scoped = scoped
	run := drive(load.Driver(h, Token()))
	addresses, i := manyAddresses(), 0
	do := run.Do
	run.Do = func() {
		run.Driver.template.RemoteAddr = addresses[i]
		if i++; i == len(addresses) {
			i = 0
		}
		do()
	}
	return run
}

func manyAddresses() []string {
	addresses := make([]string, 100_000)
	for i := range addresses {
		var octets [4]byte
		binary.BigEndian.PutUint32(octets[:], uint32(i)*40503)
		addresses[i] = netip.AddrPortFrom(netip.AddrFrom4(octets), 51234).String()
	}
	return addresses
}
