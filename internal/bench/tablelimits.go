package bench

import (
	"context"
	"encoding/binary"
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

// rateTable measures one key that is never exceeded, and one that is.
func rateTable() Table {
	const name, denied = "bulwark ratelimit, one key", "bulwark ratelimit Take, denied"
	load := Workloads()[0]
	return Table{
		Name: "Rate limits: one key, with header fields", Ours: name,
		Note: "Net of a handler without layers; ours inside a scope, which a chain installs once.",
		Cases: []Case{
			bare(),
			inside(name, ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: plenty}, load),
			handled("httprate", bareName, func() (http.Handler, error) { return byAddress(1<<40, time.Minute)(nothing), nil }, load),
			plain(denied, "", func() (func(), error) {
				limit, err := ratelimit.New(ratelimit.Config{Name: "login", Rate: "1/day", MaxKeys: 1024})
				if err != nil {
					return nil, err
				}
				ctx := context.Background()
				limit.Take(ctx, "alice")
				return func() { limit.Take(ctx, "alice") }, nil
			}),
			inside("bulwark ratelimit, denied and answered", ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "1/day"}, load),
			handled("httprate, denied and answered", bareName, func() (http.Handler, error) { return byAddress(1, time.Hour)(nothing), nil }, load),
		},
		Musts: []Must{
			within("≤ 300 ns", name, 300*time.Nanosecond),
			allocs("≤ 2 allocations", name, "", 2),
			ratio("≥ 2.5× faster than httprate", name, "httprate", 1/2.5),
			within("denied: ≤ 300 ns", denied, 300*time.Nanosecond),
			allocs("denied: ≤ 2 allocations", denied, "", 2),
		},
	}
}

// randomTable spreads over many addresses.
func randomTable() Table {
	const name = "bulwark ratelimit, 100,000 addresses"
	spread := func(c Case) Case {
		open := c.Open
		c.Open = func() (Run, error) {
			run, err := open()
			addresses, i := manyAddresses(), 0
			do := run.Do
			run.Do = func() {
				if i++; i == len(addresses) {
					i = 0
				}
				run.Driver.template.RemoteAddr = addresses[i]
				do()
			}
			return run, err
		}
		return c
	}
	load := Workloads()[0]
	return Table{
		Name: "Rate limits: 100,000 random keys", Ours: name,
		Cases: []Case{
			spread(bare()),
			spread(inside(name, ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: plenty}, load)),
			spread(handled("httprate", bareName, func() (http.Handler, error) { return byAddress(1<<40, time.Minute)(nothing), nil }, load)),
		},
		Musts: []Must{ratio("≥ 2× faster than httprate", name, "httprate", 0.5)},
	}
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
