package ratelimittest_test

import (
	"context"
	"errors"
	"fmt"
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

	mu     sync.Mutex
	step   time.Duration
	until  map[string]time.Time
	order  []string // of arrival
	shared map[string][]byte
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
	id := fmt.Sprintf("%q %q", name, key)
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

// unit is what one request occupies, and all of a quota.
func (m *mapStore) unit(c *ratelimit.Cell) (unit, full, most time.Duration) {
	unit = time.Duration((int64(c.Policy.Window) + c.Policy.Limit - 1) / c.Policy.Limit)
	burst := c.Policy.Burst
	switch m.flaw {
	case "has-no-burst":
		burst = c.Policy.Limit
	case "allows-one-more":
		burst++
	case "restores-early":
		unit /= 2
	case "never-restores":
		unit *= 1000
	}
	full = unit * time.Duration(burst)
	most = 2 * full
	if m.is("owes-without-a-bound") || m.is("knows-no-slower-policy") {
		most = 1 << 62
	}
	return unit, full, most
}

func (m *mapStore) level(c *ratelimit.Cell) time.Duration {
	_, _, most := m.unit(c)
	return min(max(0, m.until[m.name(c)].Sub(m.now())), most)
}

func (m *mapStore) set(c *ratelimit.Cell, level time.Duration) {
	id := m.name(c)
	if _, known := m.until[id]; !known {
		m.order = append(m.order, id)
	}
	m.until[id] = m.now().Add(level)
	if m.is("evicts-the-oldest") && len(m.until) > 2500 {
		delete(m.until, m.order[0])
		m.order = m.order[1:]
	}
	if m.is("forgets-a-few") && len(m.until)%10 == 0 {
		delete(m.until, id)
	}
}

func (m *mapStore) unknown(c *ratelimit.Cell) bool {
	p := &c.Policy
	return c.Cost < 0 && !m.is("takes-negative-costs") || p.Algorithm != ratelimit.GCRA && !m.is("knows-any-algorithm") ||
		p.Limit < 1 || p.Window < 1 || p.Burst < 1
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
		if m.is("stops-at-what-it-knows-not") && i == 0 && len(cells) > 1 && cells[1].Cost < 0 {
			m.set(&cells[0], m.level(&cells[0])+time.Minute)
		}
	}
	if m.is("refuses-when-full") && len(m.until) > 2500 {
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
			unit, _, _ := m.unit(c)
			m.set(c, m.level(c)+unit)
		}
	}
	for i := range cells {
		c := &cells[i]
		if ok {
			c.Taken = c.Cost
		}
		if !m.is("tells-what-was") {
			c.Standing.Remaining, c.Standing.Reset = m.standing(c)
		}
		c.Standing.Mark = int64(m.until[m.name(c)].UnixNano())
	}
	if m.is("takes-what-it-says-not") && ok {
		cells[0].Taken = 0
	}
	return ok, nil
}

// describe says how a cell stands before it is taken from.
func (m *mapStore) describe(c *ratelimit.Cell) (room bool) {
	unit, full, _ := m.unit(c)
	level := m.level(c)
	c.Standing.Remaining, c.Standing.Reset = m.standing(c)
	cost := m.cost(c)
	wait := level + unit*time.Duration(min(cost, 1<<20)) - full
	if m.is("refuses-looks") && cost == 0 && c.Standing.Remaining == 0 {
		c.Standing.Exceeded, c.Standing.Wait = true, unit
		return false
	}
	if cost == 0 || wait <= 0 || c.Debt && !m.is("knows-no-debt") {
		return true
	}
	c.Standing.Exceeded, c.Standing.Wait = true, wait
	if m.is("tells-no-wait") {
		c.Standing.Wait = 0
	}
	if m.is("tells-a-whole-window") {
		c.Standing.Wait = c.Policy.Window
	}
	return false
}

func (m *mapStore) standing(c *ratelimit.Cell) (remaining int64, reset time.Duration) {
	unit, full, _ := m.unit(c)
	level := m.level(c)
	remaining = int64(max(0, (full-level)/unit))
	if missing := int64(full/unit) - remaining; missing > 0 {
		reset = level - time.Duration(missing-1)*unit
	}
	return remaining, reset
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
	unit, _, most := m.unit(c)
	level := m.level(c) + unit*time.Duration(min(m.cost(c), 1<<20))
	if m.is("restores-all-at-once") { // a window from the first request on
		level = max(m.level(c), c.Policy.Window)
	}
	m.set(c, min(level, most))
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
		unit, _, _ := m.unit(c)
		taken := c.Taken
		if m.is("refunds-the-cost") {
			taken = c.Cost
		}
		if !m.is("refunds-again-and-again") {
			c.Taken = 0
		}
		if m.is("never-refunds") || m.is("refunds-the-first-cell") && i > 0 {
			continue
		}
		amount := unit * time.Duration(min(taken, 1<<20))
		if !m.is("refunds-late") {
			amount = min(amount, max(0, time.Unix(0, c.Standing.Mark).Sub(m.now())))
		}
		level := m.level(c)
		if m.is("refunds-what-it-reads") {
			m.mu.Unlock()
			time.Sleep(time.Millisecond)
			m.mu.Lock()
		}
		if m.is("refunds-all") && amount > 0 {
			amount = level
		}
		if amount > 0 {
			m.set(c, level-amount)
		}
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
			clear(m.until)
		}
		delete(m.until, m.name(&cells[i]))
	}
	return nil
}
