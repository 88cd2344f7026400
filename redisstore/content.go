package redisstore

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// A writer makes the content of a row. A reader reads it in the same order.
type writer []byte

func (w *writer) text(s string) {
	*w = append(binary.AppendUvarint(*w, uint64(len(s))), s...)
}

func (w *writer) number(n int64) { *w = binary.AppendVarint(*w, n) }

func (w *writer) time(t time.Time) { w.number(t.UnixMicro()) }

func (w *writer) bytes(b []byte) { *w = append(*w, b...) }

func (w *writer) texts(list []string) {
	w.number(int64(len(list)))
	for _, s := range list {
		w.text(s)
	}
}

// A reader never panics. The content has a good MAC, but it may be that of
// another version of this package. The first fault ends the reading.
type reader struct {
	left   string
	failed bool
}

func (r *reader) take(n uint64) string {
	if r.failed || n > uint64(len(r.left)) {
		r.failed = true
		return ""
	}
	part := r.left[:n]
	r.left = r.left[n:]
	return part
}

func (r *reader) text() string {
	n, used := binary.Uvarint([]byte(r.left[:min(len(r.left), binary.MaxVarintLen64)]))
	if used <= 0 {
		r.failed = true
	}
	r.take(uint64(max(used, 0)))
	return r.take(n)
}

func (r *reader) number() int64 {
	n, used := binary.Varint([]byte(r.left[:min(len(r.left), binary.MaxVarintLen64)]))
	if used <= 0 {
		r.failed = true
	}
	r.take(uint64(max(used, 0)))
	return n
}

func (r *reader) time() time.Time { return time.UnixMicro(r.number()).UTC() }

func (r *reader) hash() (h [32]byte) {
	copy(h[:], r.take(32))
	return h
}

// count is the length of a list. Each element takes at least a byte.
func (r *reader) count() int {
	n := r.number()
	if r.failed || n < 0 || n > int64(len(r.left)) {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *reader) texts() (list []string) {
	for range r.count() {
		list = append(list, r.text())
	}
	return slices.Clip(list)
}

func (r *reader) addr() (a netip.Addr) {
	if a.UnmarshalBinary([]byte(r.text())) != nil {
		r.failed = true
	}
	return a
}

func (r *reader) network() (p netip.Prefix) {
	if p.UnmarshalBinary([]byte(r.text())) != nil {
		r.failed = true
	}
	return p
}

// done returns an error if something could not be read, or is left over.
func (r *reader) done() error {
	if r.failed || r.left != "" {
		return errContent
	}
	return nil
}

// most is the latest time that Lua counts with, in microseconds: its numbers
// are exact to 2^53. It is in the year 2255, and stands for never.
const most = 1<<53 - 1

// instant is a time in the microseconds that Lua counts with.
func instant(t time.Time) int64 {
	if t.Year() < 1700 || t.Year() > 2254 { // beyond what UnixMicro holds, too
		if t.Year() > 2000 {
			return most
		}
		return -most
	}
	return t.UnixMicro()
}

// instantUp is instant, rounded up.
func instantUp(t time.Time) int64 {
	n := instant(t)
	if n < most && time.UnixMicro(n).Before(t) {
		n++
	}
	return n
}

// endAt is when Redis forgets a row: whole milliseconds, rounded up.
func endAt(t time.Time) int64 {
	const last = 9_999_999_999_999 // in the year 2286, which is never
	if t.Year() > 2285 {
		return last
	}
	if t.Year() < 1970 {
		return 1
	}
	n := t.UnixMilli()
	if time.UnixMilli(n).Before(t) {
		n++
	}
	return min(max(n, 1), last)
}

// duration is a length of time in microseconds, rounded up.
func duration(d time.Duration) int64 {
	n := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		n++
	}
	return n
}
