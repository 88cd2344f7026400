package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/nat64"
)

const (
	// maxClients is how many clients of one site are told apart for each name.
	// Whoever owns a site has 256 or 65,536 of them.
	maxClients = 16
	// maxNames bounds the number of names in the table. There are about thirty,
	// and a client cannot make one.
	maxNames = 64
)

// places is a bounded table of tallies by name and network. A site with many
// clients gets one tally for all further clients. When the table is full, the
// networks with the most entries are counted as one each. So the networks that
// fill it are merged, and not the network that comes last.
type places struct {
	bound   int
	tallies map[place]*tally
	clients map[place]int // entries of single clients, for each site
	names   map[bulwark.EventName]int
}

func newPlaces(bound int) places {
	return places{bound: bound, tallies: map[place]*tally{}, clients: map[place]int{}, names: map[bulwark.EventName]int{}}
}

// find returns the tally for events of that name from that address.
func (ps *places) find(name bulwark.EventName, addr netip.Addr, now time.Time) *tally {
	addr = nat64.Client(addr)
	if _, known := ps.names[name]; !known && len(ps.names) >= maxNames {
		name = otherName
	}
	for {
		if t := ps.lookup(name, addr, now); t != nil {
			return t
		}
		if len(ps.tallies) >= ps.bound && ps.merge(now) {
			continue // the network around may be one entry now
		}
		// Where nothing can be merged there is one entry for each name, and
		// room for one more.
		at := place{name, around(addr, client)}
		if ps.clients[at.within(site)] >= maxClients {
			at = at.within(site)
		}
		t := &tally{until: now.Add(window)}
		ps.put(at, t)
		return t
	}
}

// lookup returns the tally of the narrowest network that has one. Where a
// network was merged, the networks inside it have none.
func (ps *places) lookup(name bulwark.EventName, addr netip.Addr, now time.Time) *tally {
	for level := range levels {
		at := place{name, around(addr, level)}
		t := ps.tallies[at]
		if t == nil {
			continue
		}
		// A window that is over but still has a count is the timer's to write,
		// which is due; until then it goes on.
		if t.count == 0 && !now.Before(t.until) {
			ps.remove(at)
			continue
		}
		return t
	}
	return nil
}

func (ps *places) put(at place, t *tally) {
	ps.tallies[at] = t
	ps.names[at.name]++
	if levelOfNetwork(at.network) == client {
		ps.clients[at.within(site)]++
	}
}

func (ps *places) remove(at place) {
	delete(ps.tallies, at)
	decrease(ps.names, at.name)
	if levelOfNetwork(at.network) == client {
		decrease(ps.clients, at.within(site))
	}
}

// decrease takes one from a count, and forgets a count of zero.
func decrease[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// merge makes room and reports whether it did. It frees a share of the table at
// once, so that a flood does not pay for a look at the whole of it with each
// request.
func (ps *places) merge(now time.Time) bool {
	before, share := len(ps.tallies), max(1, ps.bound/16)
	for at, t := range ps.tallies {
		if t.count == 0 && !now.Before(t.until) {
			ps.remove(at)
		}
	}
	for {
		missing := share - (before - len(ps.tallies))
		if missing <= 0 {
			return true
		}
		level, entries := ps.crowded()
		if level == 0 {
			return len(ps.tallies) < before
		}
		ps.join(level, largest(entries, missing))
	}
}

// crowded returns the level whose networks are to be counted as one, with the
// number of entries in each, and 0 where no network has two. That is the
// narrowest level, unless a larger network has many times the entries of any
// narrower one: then somebody has many sites. All of the net together is the
// last resort.
func (ps *places) crowded() (level int, entries map[place]int) {
	const times = 4
	most := 0
	for next := site; next < levels; next++ {
		inside, top := make(map[place]int, len(ps.tallies)>>(next-site)), 0
		for at := range ps.tallies {
			if levelOfNetwork(at.network) <= next {
				network := at.within(next)
				inside[network]++
				top = max(top, inside[network])
			}
		}
		if top < 2 || level > 0 && (next == levels-1 || top < times*most) {
			most *= times
			continue
		}
		level, entries, most = next, inside, top
	}
	return level, entries
}

// largest returns the networks with the most entries: as many as free n entries
// when each is counted as one, or all networks that free any.
func largest(entries map[place]int, n int) map[place]bool {
	var most []place
	for at, count := range entries {
		if count > 1 {
			most = append(most, at)
		}
	}
	slices.SortFunc(most, func(a, b place) int { return cmp.Compare(entries[b], entries[a]) })
	chosen := map[place]bool{}
	for _, at := range most {
		if n <= 0 {
			break
		}
		chosen[at] = true
		n -= entries[at] - 1
	}
	return chosen
}

// join counts each of the chosen networks as one.
func (ps *places) join(level int, chosen map[place]bool) {
	joined := make(map[place]*tally, len(chosen))
	for at, t := range ps.tallies {
		network := at.within(level)
		if levelOfNetwork(at.network) > level || !chosen[network] {
			continue
		}
		ps.remove(at)
		if all := joined[network]; all != nil {
			all.merge(t)
			continue
		}
		joined[network] = t
	}
	for network, t := range joined {
		ps.put(network, t)
	}
}
