package sqlstore

import (
	"encoding/binary"
	"errors"
	"time"
)

// A body holds the fields of a record that no statement needs. Its first byte
// is the version of its layout. It is read only after its MAC has been checked.

const bodyVersion = 1

type writer struct{ out []byte }

func newWriter() *writer { return &writer{out: append(make([]byte, 0, 512), bodyVersion)} }

func (w *writer) text(s string)    { w.out = appendText(w.out, s) }
func (w *writer) fixed(b []byte)   { w.out = append(w.out, b...) }
func (w *writer) number(n int)     { w.out = binary.AppendVarint(w.out, int64(n)) }
func (w *writer) time(t time.Time) { w.out = appendInt(w.out, micros(t)) }
func (w *writer) texts(l []string) { list(w, l, w.text) }
func list[E any](w *writer, l []E, one func(E)) {
	w.number(len(l))
	for _, e := range l {
		one(e)
	}
}

var errBody = errors.New("a row with a good MAC cannot be read: a newer version of bulwark may have written it; update all processes")

// A reader reads a body. After the first error it returns zero values, and err
// stays.
type reader struct {
	in  []byte
	err error
}

func newReader(body []byte) *reader {
	r := &reader{in: body}
	if first := r.fixed(1); first == nil || first[0] != bodyVersion {
		r.err = errBody
	}
	return r
}

// fixed returns the next n bytes, or nil.
func (r *reader) fixed(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.in) {
		r.err, r.in = errBody, nil
		return nil
	}
	b := r.in[:n]
	r.in = r.in[n:]
	return b
}

func (r *reader) text() string {
	n, size := binary.Uvarint(r.in)
	if size <= 0 || n > uint64(len(r.in)) {
		r.err, r.in = errBody, nil
		return ""
	}
	r.in = r.in[size:]
	return string(r.fixed(int(n)))
}

func (r *reader) number() int {
	n, size := binary.Varint(r.in)
	if size <= 0 {
		r.err, r.in = errBody, nil
		return 0
	}
	r.in = r.in[size:]
	return int(n)
}

func (r *reader) time() time.Time {
	if b := r.fixed(8); b != nil {
		return timeOf(int64(binary.BigEndian.Uint64(b)))
	}
	return time.Time{}
}

func (r *reader) sum() (sum [32]byte) {
	copy(sum[:], r.fixed(32))
	return sum
}

func (r *reader) texts() []string { return readList(r, r.text) }

// readList reads a list. Each of its elements takes a byte or more.
func readList[E any](r *reader, one func() E) (all []E) {
	n := r.number()
	if n < 0 || n > len(r.in) {
		r.err, r.in = errBody, nil
		return nil
	}
	for range n {
		all = append(all, one())
	}
	return all
}

// end returns the error of the reader, also if something is left over.
func (r *reader) end() error {
	if r.err == nil && len(r.in) > 0 {
		return errBody
	}
	return r.err
}
