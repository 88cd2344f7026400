package redisstore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A request is one command for Redis, with all that it needs, so that the next
// call can use the memory again.
//
// The key of a cell is prefix:{caller}:place:name. The caller is made of the
// last Key of a call, which is the same for a given cell. So all cells of a
// call are in one slot of a Cluster. The place is the letter of the algorithm
// and, unless the Key is the last one, what stands for the Key. A Key stands
// there as an HMAC. It has no braces, so that no Key can choose its slot.
type request struct {
	mac hash.Hash
	sum []byte

	cells []ratelimit.Cell // a copy of those that the command is about
	buf   []byte           // keys and arguments, each with a 0 after it
	ends  []int            // of each part of buf, without the 0

	slot     string
	command  []string
	commands [1][]string
	send     func() // sends the request; made once, for a goroutine each time
	call     context.Context
	execute  script
	replies  []any
	err      error
	done     chan struct{} // has room for the one message that there is
	kept     bool          // the Client may still have the command
}

func newRequest(secret []byte) *request {
	r := &request{mac: hmac.New(sha256.New, secret), done: make(chan struct{}, 1)}
	return r
}

// derive makes the key for the names of cells from the deployment key.
func derive(secret []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("bulwark redisstore: names of cells"))
	return mac.Sum(nil)
}

// The letters of the algorithms, in keys and for the scripts.
const letters = "gfs"

// debit prepares the Debit of the cells, but for its command: a question that
// was refused lately needs none.
func (r *request) debit(l *Limits, cells []ratelimit.Cell) {
	r.begin(l.prefix, cells, func(*ratelimit.Cell) bool { return true })
	for i := range r.cells {
		c := &r.cells[i]
		limit, span := quota(&c.Policy)
		r.part(letters[c.Policy.Algorithm])
		r.number(limit)
		r.number(span)
		r.number(min(c.Cost, 2*limit))
		r.part("01"[btoi(c.Debt)])
		for j, end := range c.Policy.Ends {
			if j > 0 {
				r.buf = append(r.buf, ' ')
			}
			r.buf = strconv.AppendInt(r.buf, micros(end), 10)
		}
		r.end()
	}
}

// refund prepares the Refund of what the cells have taken in Redis, and reports
// false if that is nothing.
func (r *request) refund(l *Limits, cells []ratelimit.Cell) bool {
	r.begin(l.prefix, cells, func(c *ratelimit.Cell) bool { return min(c.Taken, c.Cost) > 0 })
	for i := range r.cells {
		c := &r.cells[i]
		limit, span := quota(&c.Policy)
		r.part(letters[c.Policy.Algorithm])
		r.number(limit)
		r.number(span)
		r.number(min(c.Taken, c.Cost, 2*limit))
		r.number(c.Standing.Mark)
	}
	r.script(l)
	return len(r.cells) > 0
}

// reset prepares the Reset of the cells.
func (r *request) reset(l *Limits, cells []ratelimit.Cell) {
	r.begin(l.prefix, cells, func(*ratelimit.Cell) bool { return true })
	r.command = append(r.command[:0], "DEL")
	r.parts()
}

// begin writes the keys of those cells that are wanted.
func (r *request) begin(prefix string, cells []ratelimit.Cell, wanted func(*ratelimit.Cell) bool) {
	r.cells, r.buf, r.ends = r.cells[:0], r.buf[:0], r.ends[:0]
	if len(cells) == 0 {
		return
	}
	last := cells[len(cells)-1].Key
	for i := range cells {
		c := &cells[i]
		if !wanted(c) {
			continue
		}
		r.cells = append(r.cells, *c)
		r.buf = append(append(r.buf, prefix...), ":{"...)
		r.name(last)
		r.buf = append(r.buf, '}', ':', letters[c.Policy.Algorithm])
		if string(c.Key) != string(last) {
			r.name(c.Key)
		}
		r.buf = append(append(r.buf, ':'), c.Policy.Name...)
		r.end()
	}
}

// name writes what stands for a Key: 128 bits of its HMAC.
func (r *request) name(key []byte) {
	r.mac.Reset()
	r.mac.Write(key)
	r.sum = r.mac.Sum(r.sum[:0])
	r.buf = base64.RawURLEncoding.AppendEncode(r.buf, r.sum[:16])
}

func (r *request) part(b byte) {
	r.buf = append(r.buf, b)
	r.end()
}

func (r *request) number(n int64) {
	r.buf = strconv.AppendInt(r.buf, n, 10)
	r.end()
}

func (r *request) end() {
	r.ends = append(r.ends, len(r.buf))
	r.buf = append(r.buf, 0)
}

// key is the key of a cell.
func (r *request) key(i int) []byte {
	begin := 0
	if i > 0 {
		begin = r.ends[i-1] + 1
	}
	return r.buf[begin:r.ends[i]]
}

// script makes the command that executes a script. The name of the script comes
// later.
func (r *request) script(l *Limits) {
	if l.clock != nil {
		r.buf = append(r.buf, l.clock()...)
		r.end()
	}
	r.command = append(r.command[:0], "EVALSHA", "", strconv.Itoa(len(r.cells)))
	r.parts()
}

// parts appends all parts to the command, as pieces of one string.
func (r *request) parts() {
	text, begin := string(r.buf), 0
	for _, end := range r.ends {
		r.command = append(r.command, text[begin:end])
		begin = end + 1
	}
	r.commands[0] = r.command
	if len(r.cells) > 0 {
		r.slot = text[:r.ends[0]]
	}
}

// quota is a Policy in the terms of the scripts: how many requests, and in
// microseconds how long one of them occupies a cell (GCRA), or the window. Both
// are rounded up, so that no more passes than the Policy allows.
func quota(p *ratelimit.Policy) (limit, span int64) {
	if p.Algorithm == ratelimit.GCRA {
		return p.Burst, ceil(int64(p.Window), p.Limit*int64(time.Microsecond))
	}
	return p.Limit, ceil(int64(p.Window), int64(time.Microsecond))
}

func ceil(a, b int64) int64 { return (a-1)/b + 1 }

// micros is a time in microseconds, rounded up.
func micros(t time.Time) int64 {
	return t.Add(time.Microsecond - 1).UnixMicro()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
