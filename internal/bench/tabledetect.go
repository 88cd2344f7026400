package bench

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/detect"
)

// detectTable measures what a detector adds to an event, beside the least that
// anything pays that counts by address.
func detectTable() Table {
	const count, token, path = "a map look-up and store under a mutex", "bulwark detect, a bad token", "bulwark detect, an unknown path"
	const actors = 1024
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	updating := func(name string, e bulwark.Event) Case {
		return plain(name, "", func() (func(), error) {
			d, err := detect.New(detect.Config{
				BruteForce: detect.LeakConfig{Threshold: 64, Leak: time.Millisecond},
				Probing:    detect.LeakConfig{Threshold: 64, Leak: time.Millisecond},
			})
			if err != nil {
				return nil, err
			}
			events := make([]bulwark.Event, actors)
			for i := range events {
				events[i] = e
				events[i].ClientIP = address(i)
			}
			i, ctx := 0, context.Background()
			return func() { d.Record(ctx, events[i%actors]); i++ }, nil
		})
	}
	return Table{
		Name: "Audit detect: one event of one of 1,024 actors", Ours: token,
		Note: "Below every threshold, with the copy of the event and a look at the clock.",
		Cases: []Case{
			plain(count, "", func() (func(), error) {
				var mu sync.Mutex
				counts := make(map[netip.Addr]int, actors)
				addresses := make([]netip.Addr, actors)
				for i := range addresses {
					addresses[i] = address(i)
				}
				i := 0
				return func() {
					mu.Lock()
					counts[addresses[i%actors]]++
					mu.Unlock()
					i++
				}, nil
			}),
			updating(token, bulwark.Event{Name: bulwark.AuthnTokenInvalid, Status: 401, Reason: "signature"}),
			updating(path, bulwark.Event{Name: bulwark.InputValidationFail, Status: 404, Path: "/wp-login.php"}),
		},
		Musts: []Must{
			ratio("a bad token: ≤ 1× the map", token, count, 1),
			allocs("a bad token: no allocation", token, "", 0),
			allocs("an unknown path: no allocation", path, "", 0),
		},
	}
}
