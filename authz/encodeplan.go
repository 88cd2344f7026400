package authz

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// An op is a way to write a value.
type op uint8

const (
	opRefused op = iota // a tagged struct that is not registered
	opUnsupported
	opString
	opInt
	opUint
	opBool
	opFloat64
	opFloat32
	opNumber
	opTime
	opBytes
	opQuoted // elem within a string
	opObject
	opArray
	opPointer
	opSlice
	opMap
	opInterface
	opJSON          // by its MarshalJSON
	opText          // by its MarshalText
	opPointerJSON   // by that of its pointer, or else as elem says
	opPointerText   // by that of its pointer, or else as elem says
	opInterfaceJSON // an interface that has MarshalJSON
	opInterfaceText // an interface that has MarshalText
)

// A plan says how values of a type are written.
type plan struct {
	op      op
	typ     reflect.Type
	elem    *plan
	members []planned    // of a struct
	tagged  reflect.Type // why it is refused
}

// A planned is a field of a struct that somebody may read.
type planned struct {
	name   string // with the comma before it and the colon
	label  string // for errors
	index  []int
	reader int // number of its audience
	plan   *plan
	omits  func(reflect.Value) bool // omitempty and omitzero; nil for neither
}

// fault is the error of a value that cannot be written.
func (p *plan) fault() error {
	if p.op == opRefused && p.tagged != nil {
		return &bulwark.ConfigError{Field: "authz.Fields", Value: p.tagged.String(), Reason: "has authz tags and would have been written without them; " +
			"call authz.Fields[" + p.tagged.String() + "](policy) with the policy of the route, and leave out methods such as MarshalJSON"}
	}
	return fmt.Errorf("has the type %v, which JSON does not have", p.typ)
}

// refusal is the error if no value of the type is written, for a list that has
// no value.
func (p *plan) refusal() error {
	for p.op == opPointer && p.elem.op != opPointer {
		p = p.elem
	}
	if p.op == opRefused {
		return p.fault()
	}
	return nil
}

// A root is a plan with what a caller of it must know.
type root struct {
	plan
	names reaches // in the tags of what may be written
}

// plans are the plans of one table. They are made when they are needed, once
// for a type, so that they are bounded by the types of the program.
type plans struct {
	fields map[reflect.Type]*fieldset
	ready  sync.Map
	mu     sync.Mutex // of those who make a plan
	made   map[reflect.Type]*plan
}

func newPlans(fields map[reflect.Type]*fieldset) *plans {
	return &plans{fields: fields, made: map[reflect.Type]*plan{}}
}

// of returns the plan of a type.
func (ps *plans) of(t reflect.Type) *root {
	if ready, ok := ps.ready.Load(t); ok {
		return ready.(*root)
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	made := &root{plan: *ps.plan(t)}
	made.names = ps.names(&made.plan, map[*plan]bool{})
	ps.ready.Store(t, made)
	return made
}

// plan makes the plan of a type and of the types in it.
func (ps *plans) plan(t reflect.Type) *plan {
	p := ps.made[t]
	if p == nil {
		p = &plan{typ: t}
		ps.made[t] = p // a type may contain itself
		ps.fill(p, t)
	}
	return p
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	timeType      = reflect.TypeFor[time.Time]()
	numberType    = reflect.TypeFor[json.Number]()
)

// fill chooses the way of encoding/json: the methods of the pointer come first
// if the value has an address.
func (ps *plans) fill(p *plan, t reflect.Type) {
	if t == timeType {
		p.op = opTime
		return
	}
	if tagged := taggedBehindMethod(t); tagged != nil {
		p.op, p.tagged = opRefused, tagged
		return
	}
	pointer := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Interface && t.Implements(jsonMarshaler):
		p.op = opInterfaceJSON
	case t.Kind() == reflect.Pointer && t.Elem() == timeType:
		p.op, p.elem = opPointer, ps.plan(timeType)
	case t.Implements(jsonMarshaler):
		p.op = opJSON
	case t.Kind() != reflect.Pointer && pointer.Implements(jsonMarshaler):
		p.op, p.elem = opPointerJSON, &plan{typ: t}
		ps.fillValue(p.elem, t)
	case t.Kind() == reflect.Interface && t.Implements(textMarshaler):
		p.op = opInterfaceText
	case t.Implements(textMarshaler):
		p.op = opText
	case t.Kind() != reflect.Pointer && pointer.Implements(textMarshaler):
		p.op, p.elem = opPointerText, &plan{typ: t}
		ps.fillValue(p.elem, t)
	default:
		ps.fillKind(p, t)
	}
}

// fillValue is fill for a value without an address.
func (ps *plans) fillValue(p *plan, t reflect.Type) {
	if t.Implements(textMarshaler) {
		p.op = opText
		return
	}
	ps.fillKind(p, t)
}

// fillKind is fill without methods.
func (ps *plans) fillKind(p *plan, t reflect.Type) {
	switch p.op = kindOps[t.Kind()]; t.Kind() {
	case reflect.String:
		if t == numberType {
			p.op = opNumber
		}
	case reflect.Struct:
		ps.fillStruct(p, t)
	case reflect.Array, reflect.Pointer:
		p.elem = ps.plan(t.Elem())
	case reflect.Slice:
		pointer := reflect.PointerTo(t.Elem())
		if t.Elem().Kind() == reflect.Uint8 && !pointer.Implements(jsonMarshaler) && !pointer.Implements(textMarshaler) {
			p.op = opBytes
			return
		}
		p.elem = ps.plan(t.Elem())
	case reflect.Map:
		tagged := taggedBehindMethod(t.Key())
		switch key := kindOps[t.Key().Kind()]; {
		case tagged != nil:
			p.op, p.tagged = opRefused, tagged
		case key == opString, key == opInt, key == opUint, t.Key().Implements(textMarshaler):
			p.elem = ps.plan(t.Elem())
		default:
			p.op = opUnsupported
		}
	case reflect.Interface:
	}
}

// kindOps are the ways for kinds. The others are not in JSON.
var kindOps = func() (ops [reflect.UnsafePointer + 1]op) {
	for kind := range ops {
		ops[kind] = opUnsupported
	}
	for kind := reflect.Int; kind <= reflect.Int64; kind++ {
		ops[kind] = opInt
	}
	for kind := reflect.Uint; kind <= reflect.Uintptr; kind++ {
		ops[kind] = opUint
	}
	ops[reflect.Bool], ops[reflect.String] = opBool, opString
	ops[reflect.Float32], ops[reflect.Float64] = opFloat32, opFloat64
	ops[reflect.Struct], ops[reflect.Array], ops[reflect.Slice] = opObject, opArray, opSlice
	ops[reflect.Map], ops[reflect.Pointer], ops[reflect.Interface] = opMap, opPointer, opInterface
	return ops
}()

// fillStruct plans the fields that somebody may read. A struct without tags is
// what its place in a registered struct says. A struct with tags that nobody
// has registered is refused, because nobody has read its tags.
func (ps *plans) fillStruct(p *plan, t reflect.Type) {
	if set := ps.fields[t]; set != nil {
		for i := range set.properties {
			if property := &set.properties[i]; property.reader >= 0 {
				p.members = append(p.members, ps.member(&property.Field, property.reader))
			}
		}
		return
	}
	if hasTags(t) {
		p.op, p.tagged = opRefused, t
		return
	}
	for _, f := range jsondoc.Written(t) {
		p.members = append(p.members, ps.member(&f, 0))
	}
}

func (ps *plans) member(f *jsondoc.Field, reader int) planned {
	inner := ps.plan(f.Go.Type)
	if f.Quoted {
		inner = ps.quoted(inner)
	}
	return planned{
		name: "," + string(appendSafe(nil, []byte(`"`+f.Name+`"`))) + ":", label: f.Go.Name,
		index: f.Index, reader: reader, plan: inner, omits: omission(f.Go),
	}
}

// quoted returns the plan for the option ",string". It is about the value, and
// not about a method or about null.
func (ps *plans) quoted(p *plan) *plan {
	switch p.op {
	case opString, opInt, opUint, opBool, opFloat32, opFloat64, opNumber:
		return &plan{op: opQuoted, typ: p.typ, elem: p}
	case opPointer, opPointerJSON, opPointerText:
		return &plan{op: p.op, typ: p.typ, elem: ps.quoted(p.elem)}
	}
	return p
}

// names returns the reaches in the tags of what a plan may write. What an
// interface holds is within no reach.
func (ps *plans) names(p *plan, done map[*plan]bool) (set reaches) {
	if p == nil || done[p] {
		return 0
	}
	done[p] = true
	if fields := ps.fields[p.typ]; fields != nil && p.op == opObject {
		set = fields.reads
	}
	for i := range p.members {
		set |= ps.names(p.members[i].plan, done)
	}
	return set | ps.names(p.elem, done)
}
