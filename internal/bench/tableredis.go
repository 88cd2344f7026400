package bench

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// Table is one caller after the other, without a network in between.
func (r *Redis) Table() Table {
	const denied = ourRedis + ", denied"
	t := Table{
		Name: "Rate limits in Redis: one decision", Ours: ourRedis,
		Note:  "The decision alone. The CPU time is that of the client, not of Redis, which runs on the same machine.",
		Musts: []Must{allocs("≤ 14 allocations", ourRedis, "", 14), allocs("denied: ≤ 14 allocations", denied, "", 14)},
	}
	add := func(d decider, name string, limit int) {
		t.Cases = append(t.Cases, Case{Name: name, Open: func() (Run, error) {
			decide, end, err := d.open(r.server.Addr(), r.server.Password(), limit)
			if err != nil {
				return Run{}, err
			}
			ok, err := decide(name)
			if err == nil && !ok {
				err = fmt.Errorf("the first request does not pass")
			}
			return Run{Do: func() { decide(name) }, Close: end}, err
		}})
	}
	for _, d := range deciders() {
		if d.name == redisRateWide {
			continue // the same for one caller
		}
		add(d, d.name, ample)
	}
	add(deciders()[0], denied, 1)
	return t
}

// callers is how many ask at once.
const callers = 64

// A Pace is how fast one way to decide is.
type Pace struct {
	Name      string
	Decisions float64 // a second, of 64 callers over the slow network
	Trips     float64 // round trips of one decision
}

// Paces measures all deciders, in turns. Each caller has a key of its own, so
// that no decider pays for a hot key.
func (r *Redis) Paces(rounds int, span time.Duration) ([]Pace, error) {
	all := deciders()
	paces, decided := make([]Pace, len(all)), make([][]float64, len(all))
	for i, d := range all {
		trips, err := r.trips(d, ample)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		paces[i] = Pace{Name: d.name, Trips: trips}
	}
	for range rounds {
		for i, d := range all {
			pace, err := r.pace(d, span)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.name, err)
			}
			decided[i] = append(decided[i], pace)
		}
	}
	for i := range paces {
		paces[i].Decisions = median(decided[i])
	}
	return paces, nil
}

// pace returns the decisions a second of 64 callers.
func (r *Redis) pace(d decider, span time.Duration) (float64, error) {
	decide, end, err := d.open(r.far.addr(), r.server.Password(), ample)
	if err != nil {
		return 0, err
	}
	defer end()
	var count atomic.Int64
	var failure atomic.Pointer[error]
	ask := func(until time.Time) {
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				key := "caller-" + strconv.Itoa(i)
				for {
					ok, err := decide(key)
					if err == nil && !ok {
						err = fmt.Errorf("a request within the limit does not pass")
					}
					if err != nil {
						failure.Store(&err)
						return
					}
					count.Add(1)
					if !time.Now().Before(until) {
						return
					}
				}
			})
		}
		all.Wait()
	}
	ask(time.Now()) // opens the connections, and loads the scripts
	count.Store(0)
	begin := time.Now()
	ask(begin.Add(span))
	took := time.Since(begin)
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return float64(count.Load()) / took.Seconds(), nil
}

// trips returns how many round trips a decision needs, of one caller whose
// limit is given, once the connection and the scripts are there.
func (r *Redis) trips(d decider, limit int) (float64, error) {
	decide, end, err := d.open(r.far.addr(), r.server.Password(), limit)
	if err != nil {
		return 0, err
	}
	defer end()
	const warm, decisions = 40, 20
	for i := range warm + decisions {
		if i == warm {
			r.far.turns.Store(0)
		}
		if _, err := decide("trips"); err != nil {
			return 0, err
		}
	}
	return float64(r.far.turns.Load()) / decisions, nil
}

// DeniedTrips returns the round trips of a decision of ours that refuses.
func (r *Redis) DeniedTrips() (float64, error) { return r.trips(deciders()[0], 1) }

// WriteRedis measures what the network does to each decider, writes it as
// Markdown, and returns how many bounds are met and a line for each that is
// missed.
func (r *Redis) WriteRedis(w io.Writer, rounds int, span time.Duration) (met int, missed []string, err error) {
	paces, err := r.Paces(rounds, span)
	if err != nil {
		return 0, nil, err
	}
	denied, err := r.DeniedTrips()
	if err != nil {
		return 0, nil, err
	}
	ours := paces[0]
	fmt.Fprintf(w, "\n### Rate limits in Redis: %d callers, a round trip of %v\n\nEach caller has a key of its own.\n\n", callers, roundTrip)
	fmt.Fprint(w, "| | decisions a second | round trips of a decision | ours, relative |\n|---|---:|---:|---:|\n")
	for _, p := range paces {
		fmt.Fprintf(w, "| %s | %.0f | %.1f | %.1f× |\n", p.Name, p.Decisions, p.Trips, ours.Decisions/p.Decisions)
	}
	fmt.Fprint(w, "\n| bound | measured | |\n|---|---:|---|\n")
	for _, bound := range []struct {
		text, got string
		ok        bool
	}{
		{"≥ 3× the decisions of redis_rate", fmt.Sprintf("%.1f×", ours.Decisions/paces[1].Decisions), ours.Decisions >= 3*paces[1].Decisions},
		{"one round trip", fmt.Sprintf("%.1f", ours.Trips), ours.Trips == 1},
		{"denied: no round trip", fmt.Sprintf("%.1f", denied), denied == 0},
	} {
		verdict := "met"
		if met++; !bound.ok {
			verdict = "**missed**"
			met, missed = met-1, append(missed, fmt.Sprintf("- Rate limits in Redis: %s, measured %s\n", bound.text, bound.got))
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", bound.text, bound.got, verdict)
	}
	return met, missed, nil
}

// Missing is the sentence for a report without redis-server.
func Missing(absent *engine.Absent) string {
	return fmt.Sprintf("\n### Rate limits in Redis\n\nNot measured: %v\n", absent)
}
