package redisstore

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"slices"
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
//
// If the cells of the last Key have no room, they are remembered by themselves
// as well. They refuse whatever other cells there are, so that a client which
// goes from one network of a /48 to the next costs no round trip either.
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

	// The same for the cells from wide on, which are those of the last Key.
	// wide is 0 if all cells are, and if one of the cells may owe.
	wide      int
	wideHash  uint64
	wideEpoch uint64
}

func (d *denials) question(r *request, now time.Time) question {
	q := question{hash: maphash.Bytes(d.seed, r.buf), asked: now, wide: len(r.cells) - 1}
	last := r.cells[q.wide].Key
	for q.wide > 0 && bytes.Equal(r.cells[q.wide-1].Key, last) {
		q.wide--
	}
	for i := range r.cells {
		epoch := d.epochs[d.place(r.key(i))].Load()
		q.epoch += epoch
		if i >= q.wide {
			q.wideEpoch += epoch
		}
	}
	if q.wide > 0 {
		q.wideHash = d.hashFrom(r, q.wide)
	}
	if slices.ContainsFunc(r.cells, func(c ratelimit.Cell) bool { return c.Debt }) {
		q.wide = 0
	}
	return q
}

// hashFrom is the hash of what is asked about the cells from a place on.
func (d *denials) hashFrom(r *request, at int) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	n := len(r.cells)
	each := (len(r.ends) - n) / n // arguments of a cell, which come after all keys
	h.Write(r.buf[r.ends[at-1]+1 : r.ends[n-1]+1])
	h.Write(r.buf[r.ends[n+each*at-1]+1:])
	return h.Sum64()
}

func (d *denials) place(key []byte) uint64 { return maphash.Bytes(d.seed, key) % epochs }

// answer fills in how the cells stand, if the question was refused lately and
// there is still no room.
func (d *denials) answer(q question, cells []ratelimit.Cell) bool {
	if d.known(q.hash, q.epoch, q.asked, cells) {
		return true
	}
	if q.wide == 0 || !d.known(q.wideHash, q.wideEpoch, q.asked, cells[q.wide:]) {
		return false
	}
	for i := range cells[:q.wide] { // nobody has asked: as if nothing were used
		limit, _ := quota(&cells[i].Policy)
		cells[i].Taken, cells[i].Standing = 0, ratelimit.Standing{Remaining: limit}
	}
	return true
}

// known is answer for one refusal that is remembered.
func (d *denials) known(hash, epoch uint64, asked time.Time, cells []ratelimit.Cell) bool {
	old := d.slots[hash&d.mask].Load()
	if old == nil || old.hash != hash || old.epoch != epoch || len(old.cells) != len(cells) || !asked.Before(old.until) {
		return false
	}
	passed := asked.Sub(old.asked)
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
	d.store(q.hash, q.epoch, q.asked, cells)
	if q.wide > 0 {
		d.store(q.wideHash, q.wideEpoch, q.asked, cells[q.wide:])
	}
}

// store remembers that the cells have no room together, if that is so.
func (d *denials) store(hash, epoch uint64, asked time.Time, cells []ratelimit.Cell) {
	wait := time.Duration(0)
	for i := range cells {
		if cells[i].Debt {
			return
		}
		wait = max(wait, cells[i].Standing.Wait)
	}
	if wait == 0 {
		return
	}
	standings := make([]ratelimit.Standing, len(cells))
	for i := range cells {
		standings[i] = cells[i].Standing
	}
	d.slots[hash&d.mask].Store(&denial{
		hash: hash, epoch: epoch, asked: asked, until: asked.Add(min(wait, maxDenial)), cells: standings,
	})
}

// forget ends what is remembered about the cells of a request.
func (d *denials) forget(r *request) {
	for i := range r.cells {
		d.epochs[d.place(r.key(i))].Add(1)
	}
}
