package ratelimit

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// Decide counts a request without answering it, so that a test can measure it.
func Decide(m *Middleware, r *http.Request, scope *bulwark.Scope) (exceeded bool, err error) {
	var room [1]charge
	g := guard{limits: []*Middleware{m}}
	_, err = g.decide(room[:], r, scope)
	return room[0].standing.Exceeded, err
}

// String and Integer are the structured field encoder.
func String(text string) (string, bool) {
	b, ok := appendString(nil, text)
	return string(b), ok
}

func Integer(n int64) (string, bool) {
	b, ok := appendInteger(nil, n)
	return string(b), ok
}

// Note counts into a table of notices as a dry run does.
func (m *Middleware) Note(hash uint64, now, window time.Duration) (count int, first bool) {
	return m.dry.note(hash, int64(now), int64(window/time.Second))
}

// Buckets returns the number of buckets of the table, and 0 before there is a
// table.
func (s *MemoryStore) Buckets() int {
	if t := s.table.Load(); t != nil {
		return len(t.buckets)
	}
	return 0
}

// TakeUnseen is Debit without the look that comes before: as if others had
// taken in between.
func (s *MemoryStore) TakeUnseen(cells []Cell) bool {
	t := s.table.Load()
	debits := make([]debit, len(cells))
	for i := range cells {
		debits[i].cost = cells[i].Cost
		debits[i].of(&cells[i].Policy, t.hash(t.name(cells[i].Policy.Name), cells[i].Key))
	}
	return t.takeAll(debits, t.now())
}

// StepClock sets the clock of the store, which no clock of a machine does.
func (s *MemoryStore) StepClock(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.made()
	t.start, t.step = t.start.Add(-d), t.step+d
}

// OwnRates returns for how many callers the limit keeps an answer of RateFor.
func OwnRates(m *Middleware) int {
	m.own.mu.Lock()
	defer m.own.mu.Unlock()
	if len(m.own.clock) != len(m.own.rates) {
		panic("the clock and the map differ")
	}
	return len(m.own.rates)
}

// CompiledRates returns how many rates of RateFor the limit keeps compiled.
func CompiledRates(m *Middleware) int {
	m.own.mu.Lock()
	defer m.own.mu.Unlock()
	return len(m.own.compiled)
}

// GateKeys returns how many keys a limit of concurrency knows now.
func GateKeys(l *ConcurrencyLimit) int {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	return len(l.gate.keys)
}

// Ends are the ends of the days or months of a place around now, as a limit
// with a Calendar gives them to its store.
func Ends(place *time.Location, months bool, now time.Time) []time.Time {
	return newCalendar(place, months).ends(now)
}

// DebitBefore is Debit by a goroutine that read the clock a while ago, and was
// not scheduled since.
func (s *MemoryStore) DebitBefore(d time.Duration, cells []Cell) bool {
	t := s.table.Load()
	debits := make([]debit, len(cells))
	for i := range cells {
		debits[i].cost = cells[i].Cost
		debits[i].of(&cells[i].Policy, t.hash(t.name(cells[i].Policy.Name), cells[i].Key))
	}
	t.step -= d // of the wall clock
	ok := t.takeAll(debits, t.now()-int64(d))
	t.step += d
	for i := range cells {
		cells[i].Taken, cells[i].Standing = debits[i].requests(), debits[i].standing()
	}
	return ok
}
