package redisstore

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

const (
	maxDenial = time.Second // how old a remembered refusal may be
	epochs    = 1 << 12
)

// denials remembers refusals until there is room, and for a second at most, so
// that a caller who goes on asking costs no round trip. It is a table of a
// fixed size. A refusal that falls into the place of another replaces it.
//
// A refusal is found again by all that was asked: cells, policies and costs. So
// it never answers another question, such as that for a smaller cost.
type denials struct {
	seed  maphash.Seed
	mask  uint64
	slots []atomic.Pointer[denial]
	// epochs change when a cell may have more room: by Refund and Reset. Cells
	// share them by hash, which at worst forgets a refusal.
	epochs [epochs]atomic.Uint64
}

// A denial is a refusal that is remembered.
type denial struct {
	hash  uint64
	epoch uint64    // of its cells, when Redis was asked
	asked time.Time // before Redis was asked
	until time.Time
	cells []ratelimit.Standing
}

func newDenials(size int) *denials {
	n := 1 << bits.Len(uint(max(size, minKeys)-1))
	return &denials{seed: maphash.MakeSeed(), mask: uint64(n - 1), slots: make([]atomic.Pointer[denial], n)}
}

// A question is what a Debit asks, in the terms of denials.
type question struct {
	hash  uint64
	epoch uint64
	asked time.Time
}

// question returns nil in known if the question may not be answered from here.
func (d *denials) question(r *request, now time.Time) question {
	q := question{hash: maphash.Bytes(d.seed, r.buf), asked: now}
	for i := range r.cells {
		q.epoch += d.epochs[d.place(r.key(i))].Load()
	}
	return q
}

func (d *denials) place(key []byte) uint64 { return maphash.Bytes(d.seed, key) % epochs }

// answer fills in how the cells stand, if the question was refused lately and
// there is still no room.
func (d *denials) answer(q question, cells []ratelimit.Cell) bool {
	old := d.slots[q.hash&d.mask].Load()
	if old == nil || old.hash != q.hash || old.epoch != q.epoch || len(old.cells) != len(cells) || !q.asked.Before(old.until) {
		return false
	}
	passed := q.asked.Sub(old.asked)
	for i := range cells {
		s := old.cells[i]
		if s.Reset > 0 {
			s.Reset = max(1, s.Reset-passed)
		}
		if s.Wait -= passed; s.Wait <= 0 {
			s.Exceeded, s.Wait = false, 0
		}
		cells[i].Taken, cells[i].Standing = 0, s
	}
	return true
}

// keep remembers a refusal.
func (d *denials) keep(q question, cells []ratelimit.Cell) {
	wait := time.Duration(0)
	standings := make([]ratelimit.Standing, len(cells))
	for i := range cells {
		if cells[i].Debt {
			return
		}
		standings[i] = cells[i].Standing
		wait = max(wait, cells[i].Standing.Wait)
	}
	d.slots[q.hash&d.mask].Store(&denial{
		hash: q.hash, epoch: q.epoch, asked: q.asked, until: q.asked.Add(min(wait, maxDenial)), cells: standings,
	})
}

// forget ends what is remembered about the cells of a request.
func (d *denials) forget(r *request) {
	for i := range r.cells {
		d.epochs[d.place(r.key(i))].Add(1)
	}
}
