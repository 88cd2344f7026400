package authz

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/authz/internal/witness"
)

// maxEncodeDepth bounds how deeply pointers, slices, maps and interfaces are
// nested in what is written. A value that contains itself reaches it.
const maxEncodeDepth = 1000

// maxKept bounds the buffer that an encoder keeps for the next answer, in
// bytes.
const maxKept = 64 << 10

// An encoder writes values as encoding/json does, and leaves out the properties
// that the caller may not read. It belongs to one answer at a time.
type encoder struct {
	plans   *plans
	sight   sight
	depth   int
	entries []entryOf    // of the maps that are being written
	text    bytes.Buffer // of a MarshalJSON
	out     []byte       // the room for the answer
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// newEncoder returns an encoder for a caller with these roles.
func newEncoder(t *table, h *held) *encoder {
	e := encoders.Get().(*encoder)
	e.plans, e.depth = t.plans, 0
	e.sight.start(t.readers, h)
	return e
}

// release keeps the encoder for another answer. Nothing of this answer stays
// reachable but the bytes of a bounded buffer, which nobody reads.
func (e *encoder) release() {
	clear(e.entries[:cap(e.entries)])
	e.entries = e.entries[:0]
	if cap(e.entries) > 1024 {
		e.entries = nil
	}
	if cap(e.out) > maxKept {
		e.out = nil
	}
	if e.text.Cap() > maxKept {
		e.text = bytes.Buffer{}
	}
	e.plans = nil
	e.sight.all = nil
	encoders.Put(e)
}

// answer sends a document that is complete.
func (e *encoder) answer(w http.ResponseWriter, r *http.Request, status int, document []byte) {
	e.out = append(document, '\n')
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	witness.Sent(r.Context(), e.out)
	if r.Method != http.MethodHead {
		w.Write(e.out)
	}
}

var errTooDeep = errors.New("is nested more than 1,000 levels deep, or contains itself")

// value appends the JSON of v, which has the type of the plan.
func (e *encoder) value(dst []byte, p *plan, v reflect.Value) ([]byte, error) {
	switch p.op {
	case opString:
		return appendText(dst, v.String()), nil
	case opInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case opUint:
		return strconv.AppendUint(dst, v.Uint(), 10), nil
	case opBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case opFloat64:
		return appendFloat(dst, v.Float(), 64)
	case opFloat32:
		return appendFloat(dst, v.Float(), 32)
	case opNumber:
		return appendNumber(dst, v.String())
	case opTime:
		return appendTime(dst, v)
	case opBytes:
		return appendBytes(dst, v), nil
	case opQuoted:
		return e.quoted(dst, p.elem, v)
	case opObject:
		return e.object(dst, p, v)
	case opArray:
		return e.array(dst, p.elem, v)
	}
	return e.reference(dst, p, v)
}

// reference is value for what can be nil, and so can contain itself.
func (e *encoder) reference(dst []byte, p *plan, v reflect.Value) (_ []byte, err error) {
	switch p.op {
	case opJSON, opText, opPointerJSON, opPointerText:
		return e.method(dst, p, v)
	case opPointer, opSlice, opMap, opInterface, opInterfaceJSON, opInterfaceText:
	default:
		return nil, p.fault()
	}
	if v.IsNil() {
		return append(dst, "null"...), nil
	}
	if e.depth++; e.depth > maxEncodeDepth {
		return nil, errTooDeep
	}
	switch p.op {
	case opPointer:
		dst, err = e.value(dst, p.elem, v.Elem())
	case opSlice:
		dst, err = e.array(dst, p.elem, v)
	case opMap:
		dst, err = e.mapping(dst, p, v)
	default:
		dst, err = e.dynamic(dst, p, v)
	}
	e.depth--
	return dst, err
}

// dynamic appends what an interface holds. The type may have been registered,
// and then its properties are left out here too. Nobody has said how that
// object stands to the caller, so that it is within no reach.
func (e *encoder) dynamic(dst []byte, p *plan, v reflect.Value) (_ []byte, err error) {
	held := v.Elem()
	inner := e.plans.of(held.Type())
	switch {
	case inner.op == opRefused:
		return nil, inner.fault()
	case p.op == opInterfaceJSON:
		return e.marshal(dst, p.typ, v)
	case p.op == opInterfaceText:
		return e.marshalText(dst, p.typ, v)
	}
	within := e.sight.within
	e.sight.turn(0)
	dst, err = e.value(dst, &inner.plan, held)
	e.sight.turn(within)
	return dst, err
}

func (e *encoder) array(dst []byte, elem *plan, v reflect.Value) (_ []byte, err error) {
	dst = append(dst, '[')
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = e.value(dst, elem, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// quoted appends a value of the option ",string": inside a string.
func (e *encoder) quoted(dst []byte, p *plan, v reflect.Value) ([]byte, error) {
	if p.op == opString {
		return appendText(dst, string(appendText(nil, v.String()))), nil
	}
	dst, err := e.value(append(dst, '"'), p, v)
	return append(dst, '"'), err
}

// method appends what a method of v writes. A pointer method is called only if
// v has an address, as encoding/json does it.
func (e *encoder) method(dst []byte, p *plan, v reflect.Value) ([]byte, error) {
	switch p.op {
	case opPointerJSON, opPointerText:
		if !v.CanAddr() {
			return e.value(dst, p.elem, v)
		}
		if v = v.Addr(); p.op == opPointerJSON {
			return e.marshal(dst, p.typ, v)
		}
		return e.marshalText(dst, p.typ, v)
	}
	switch {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return append(dst, "null"...), nil
		}
	case v.CanAddr():
		v = v.Addr() // to call the method without a copy
	}
	if p.op == opJSON {
		return e.marshal(dst, p.typ, v)
	}
	return e.marshalText(dst, p.typ, v)
}

// marshal appends what a MarshalJSON returns, if it is JSON, in its shortest
// form.
func (e *encoder) marshal(dst []byte, t reflect.Type, v reflect.Value) ([]byte, error) {
	m, _ := reflect.TypeAssert[json.Marshaler](v)
	text, err := m.MarshalJSON()
	if err == nil {
		e.text.Reset()
		err = json.Compact(&e.text, text)
	}
	if err != nil {
		return nil, fmt.Errorf("MarshalJSON of %v: %w", t, err)
	}
	return appendSafe(dst, e.text.Bytes()), nil
}

func (e *encoder) marshalText(dst []byte, t reflect.Type, v reflect.Value) ([]byte, error) {
	m, _ := reflect.TypeAssert[encoding.TextMarshaler](v)
	text, err := m.MarshalText()
	if err != nil {
		return nil, fmt.Errorf("MarshalText of %v: %w", t, err)
	}
	return appendText(dst, text), nil
}

func appendTime(dst []byte, v reflect.Value) ([]byte, error) {
	t, _ := reflect.TypeAssert[time.Time](v)
	dst, err := t.AppendText(append(dst, '"'))
	return append(dst, '"'), err
}

func appendBytes(dst []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(dst, "null"...)
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.Bytes())
	return append(dst, '"')
}
