package ratelimittest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A mapStore is a store with a map and a clock, and with one flaw at most, by
// name. It is written apart from MemoryStore, so that the suite does not take
// what that does for what is right.
type mapStore struct {
	flaw string

	mu        sync.Mutex
	step      time.Duration
	cells     map[string]*state
	order     []string // of arrival
	shared    map[string][]byte
	refunding time.Duration // how many refunds have waited
}

// A state is that of a cell: of a GCRA until when it is occupied, of a window
// its end and what is used in it, and of a log when each request leaves.
type state struct {
	until time.Time
	used  int64
	leave []time.Time
}

// A partialStore lists the algorithms that it knows.
type partialStore struct {
	*mapStore
	all []ratelimit.Algorithm
}

func (p partialStore) Algorithms() []ratelimit.Algorithm { return p.all }
func (p partialStore) MinWindow() time.Duration          { return 0 }

// An onlyStore knows no other algorithm.
type onlyStore struct {
	*mapStore
	all []ratelimit.Algorithm
}

func (o onlyStore) Algorithms() []ratelimit.Algorithm { return o.all }
func (o onlyStore) MinWindow() time.Duration          { return 0 }

func (o onlyStore) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	for i := range cells {
		if !slices.Contains(o.all, cells[i].Policy.Algorithm) {
			return false, errors.New("an algorithm that is not listed")
		}
	}
	return o.mapStore.Debit(ctx, cells)
}

func (m *mapStore) is(flaw string) bool { return m.flaw == flaw }

// StepClock sets the clock.
func (m *mapStore) StepClock(d time.Duration) { m.step += d }

func (m *mapStore) now() time.Time { return time.Now().Add(m.step) }

// fails reports whether a call is over before it has begun.
func (m *mapStore) fails(ctx context.Context, cells []ratelimit.Cell) (ok bool, err error, fails bool) {
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case m.is("is-down"):
		return false, errors.New("down"), true
	case ctx.Err() == nil:
		return false, nil, false
	case m.is("refuses-where-nobody-waits"):
		return false, ctx.Err(), true
	case m.is("believes-cancelled"), m.is("believes-late") && late:
		for i := range cells {
			cells[i].Taken = cells[i].Cost
		}
		return true, nil, true
	case m.is("denies-cancelled"):
		return false, nil, true
	case m.is("waits-when-cancelled"):
		time.Sleep(8 * time.Second)
		return false, ctx.Err(), true
	}
	return false, nil, false
}

func (m *mapStore) name(c *ratelimit.Cell) string {
	key, name := string(c.Key), c.Policy.Name
	switch m.flaw {
	case "folds-case":
		key = strings.ToLower(key)
	case "cuts-keys":
		key = key[:min(len(key), 1024)]
	case "cuts-keys-at-nul":
		key, _, _ = strings.Cut(key, "\x00")
	case "repairs-utf8":
		key = strings.ToValidUTF8(key, "?")
	case "trims-keys":
		key = strings.TrimSpace(key)
	case "forgets-names":
		name = ""
	case "joins-by-colon":
		return name + ":" + key
	case "joins-by-nul":
		return name + "\x00" + key
	case "joins-by-nothing":
		return name + key
	case "forgets-with-the-policy":
		name += fmt.Sprint(c.Policy.Limit)
	}
	id := fmt.Sprintf("%q %q %d", name, key, c.Policy.Algorithm)
	if m.is("joins-algorithms") {
		id = fmt.Sprintf("%q %q", name, key)
	}
	if m.is("keeps-slices") { // finds a key by what its slice holds now
		for known, slice := range m.shared {
			if string(slice) == key {
				return known
			}
		}
		id = fmt.Sprint(len(m.shared))
		m.shared[id] = c.Key
	}
	return id
}

// get returns the state of a cell as of now, which the caller may change and
// then put.
func (m *mapStore) get(c *ratelimit.Cell) state {
	var s state
	if known := m.cells[m.name(c)]; known != nil {
		s = *known
	}
	s.leave = slices.Clone(s.leave)
	m.counting(c).age(m, c, &s)
	return s
}

func (m *mapStore) put(c *ratelimit.Cell, s state) {
	id := m.name(c)
	if m.cells[id] == nil {
		m.order = append(m.order, id)
	}
	m.cells[id] = &s
	if m.is("evicts-the-oldest") && len(m.cells) > 2500 {
		delete(m.cells, m.order[0])
		m.order = m.order[1:]
	}
	if m.is("forgets-a-few") && len(m.cells)%10 == 0 {
		delete(m.cells, id)
	}
}

func (m *mapStore) unknown(c *ratelimit.Cell) bool {
	p := &c.Policy
	return c.Cost < 0 && !m.is("takes-negative-costs") ||
		(p.Algorithm < ratelimit.GCRA || p.Algorithm > ratelimit.SlidingLog) && !m.is("knows-any-algorithm") ||
		p.Algorithm == ratelimit.SlidingLog && p.Limit > 64 && !m.is("knows-any-log") ||
		p.Limit < 1 || p.Window < 1 || p.Burst < 1 || m.outOfCalendar(p)
}

func (m *mapStore) outOfCalendar(p *ratelimit.Policy) bool {
	if len(p.Ends) == 0 {
		return false
	}
	next := m.next(p)
	return next == 0 && !m.is("knows-the-future") || next == len(p.Ends) && !m.is("knows-the-past")
}

// Debit implements Store.
func (m *mapStore) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	if ok, err, fails := m.fails(ctx, cells); fails {
		return ok, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range cells {
		if m.unknown(&cells[i]) {
			return false, errors.New("an unknown cell")
		}
		if m.is("stops-at-what-it-knows-not") && len(cells) > i+1 && m.unknown(&cells[i+1]) {
			m.take(&cells[i])
		}
	}
	if m.is("refuses-when-full") && len(m.cells) > 2500 {
		return false, errors.New("full")
	}
	ok := true
	for i := range cells {
		c := &cells[i]
		c.Taken, c.Standing = 0, ratelimit.Standing{}
		room := m.describe(c)
		ok = ok && room
		if !room && m.is("stops-at-the-first") {
			return false, nil
		}
		if room && m.is("takes-one-by-one") {
			m.take(c)
		}
	}
	if m.is("looks-then-takes") {
		m.mu.Unlock()
		time.Sleep(time.Millisecond)
		m.mu.Lock()
	}
	for i := range cells {
		c := &cells[i]
		if ok && !m.is("takes-one-by-one") {
			m.take(c)
		}
		if ok && m.is("takes-the-first-cell") {
			break
		}
		if !ok && m.is("counts-refusals") {
			c.Cost++
			m.take(c)
			c.Cost--
		}
	}
	for i := range cells {
		c := &cells[i]
		if ok {
			c.Taken = c.Cost
		}
		if !m.is("tells-what-was") {
			s := m.get(c)
			c.Standing.Remaining, c.Standing.Reset = m.counting(c).standing(m, c, &s)
			c.Standing.Mark = m.counting(c).mark(m, &s)
		}
	}
	if m.is("takes-what-it-says-not") && ok {
		cells[0].Taken = 0
	}
	return ok, nil
}

// describe says how a cell stands before it is taken from.
func (m *mapStore) describe(c *ratelimit.Cell) (room bool) {
	s := m.get(c)
	how := m.counting(c)
	c.Standing.Remaining, c.Standing.Reset = how.standing(m, c, &s)
	cost := m.cost(c)
	if m.is("refuses-looks") && cost == 0 && c.Standing.Remaining == 0 {
		c.Standing.Exceeded, c.Standing.Wait = true, time.Second
		return false
	}
	wait := how.wait(m, c, &s, cost)
	if cost == 0 || wait <= 0 || c.Debt && !m.is("knows-no-debt") {
		return true
	}
	c.Standing.Exceeded, c.Standing.Wait = true, wait
	switch m.flaw {
	case "tells-no-wait":
		c.Standing.Wait = 0
	case "tells-a-whole-window":
		c.Standing.Wait = c.Policy.Window
	case "keeps-what-is-too-late":
	default:
		m.put(c, s) // aged, so that what was too late is not again
	}
	return false
}

func (m *mapStore) cost(c *ratelimit.Cell) int64 {
	switch {
	case m.is("counts-any-cost-as-one") && c.Cost > 0, m.is("takes-for-looks") && c.Cost == 0:
		return 1
	}
	return c.Cost
}

func (m *mapStore) take(c *ratelimit.Cell) {
	if c.Cost == 0 && !m.is("takes-for-looks") {
		return
	}
	s := m.get(c)
	m.counting(c).take(m, c, &s, min(m.cost(c), 1<<10))
	m.put(c, s)
}

// Refund implements Store.
func (m *mapStore) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	if _, err, fails := m.fails(ctx, cells); fails {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range cells {
		c := &cells[i]
		taken := min(c.Taken, 1<<10)
		if m.is("refunds-the-cost") {
			taken = c.Cost
		}
		if !m.is("refunds-again-and-again") {
			c.Taken = 0
		}
		if m.is("never-refunds") || m.is("refunds-the-first-cell") && i > 0 || taken == 0 {
			continue
		}
		s := m.get(c)
		if m.is("refunds-what-it-reads") {
			// Each wait is another one, so that the order in which the refunds
			// end, and what is lost, do not depend on the scheduler.
			m.refunding++
			wait := m.refunding * time.Millisecond
			m.mu.Unlock()
			time.Sleep(wait)
			m.mu.Lock()
		}
		if m.is("refunds-all") {
			delete(m.cells, m.name(c))
			continue
		}
		m.counting(c).giveBack(m, c, &s, taken)
		m.put(c, s)
	}
	return nil
}

// Reset implements Store.
func (m *mapStore) Reset(ctx context.Context, cells []ratelimit.Cell) error {
	if _, err, fails := m.fails(ctx, cells); fails {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range cells {
		if m.is("resets-the-first-cell") && i > 0 || m.is("never-resets") {
			continue
		}
		if m.is("resets-everything") {
			clear(m.cells)
		}
		delete(m.cells, m.name(&cells[i]))
	}
	return nil
}
