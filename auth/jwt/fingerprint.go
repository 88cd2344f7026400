package jwt

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"hash"
	"math"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// A making is what a source was made with.
type making struct {
	sum   [sha256.Size]byte
	roots *x509.CertPool
}

// newMaking is the making of a source by a function of this package. Pools of
// certificates are compared by their content: whoever reads one from a file
// makes a new one each time.
func newMaking(by, place string, c RemoteConfig) making {
	m := making{roots: c.RootCAs}
	c.RootCAs = nil
	m.sum = digest(by+" "+place, c)
	return m
}

func (m making) same(other making) bool {
	return m.sum == other.sum && (m.roots == other.roots || m.roots != nil && other.roots != nil && m.roots.Equal(other.roots))
}

// sameKeys reports whether two sources give the same keys: they are one, or
// were made with equal arguments. So a function that makes a source anew for
// each call does not cost the keys that have been fetched.
func sameKeys(a, b KeySource) bool {
	if a == b {
		return true
	}
	switch a := a.(type) {
	case *remote:
		b, ok := b.(*remote)
		return ok && a.err == nil && b.err == nil && a.made.same(b.made)
	case *keyFile:
		b, ok := b.(*keyFile)
		return ok && a.err == nil && b.err == nil && a.path == b.path && a.maxBytes == b.maxBytes && a.maxKeys == b.maxKeys &&
			a.cooldown == b.cooldown && a.timeout == b.timeout
	case *static:
		b, ok := b.(*static)
		return ok && a.err == nil && b.err == nil && a.secrets == b.secrets && slices.EqualFunc(a.set.Keys(), b.set.Keys(), equalKeys)
	}
	return false
}

func equalKeys(a, b *jose.Key) bool {
	return a.Thumbprint == b.Thumbprint && a.ID == b.ID && a.Algorithm == b.Algorithm
}

// fingerprint is the same for two Configs if they are the same. It does not
// look at the Keys: see sameKeys. What it has read may change later without
// changing the fingerprint.
func fingerprint(c Config) [sha256.Size]byte {
	c.Keys = nil
	return digest("jwt.Config", c)
}

// digest is the same for equal values of a kind.
func digest(kind string, v any) (sum [sha256.Size]byte) {
	d := digester{Hash: sha256.New()}
	d.text(kind)
	d.value(reflect.ValueOf(v))
	d.Sum(sum[:0])
	return sum
}

// unequal counts values that are never the same as another.
var unequal atomic.Uint64

type digester struct {
	hash.Hash
	// foreign is set within a value that has methods, such as a store. It may
	// change what its maps and slices hold, under a lock of its own.
	foreign bool
}

func (d digester) number(n uint64) {
	var room [8]byte
	binary.BigEndian.PutUint64(room[:], n)
	d.Write(room[:])
}

func (d digester) text(s string) {
	d.number(uint64(len(s)))
	d.Write([]byte(s))
}

// value writes a value so that no two different values are written alike. It
// follows no pointer: what is behind it may change, and has a lock of its own.
func (d digester) value(v reflect.Value) {
	d.number(uint64(v.Kind()))
	switch v.Kind() {
	case reflect.Invalid:
	case reflect.Bool:
		if v.Bool() {
			d.number(1)
		} else {
			d.number(0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.number(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		d.number(v.Uint())
	case reflect.Float32, reflect.Float64:
		d.number(math.Float64bits(v.Float()))
	case reflect.String:
		d.text(v.String())
	case reflect.Slice, reflect.Array:
		d.number(uint64(v.Len()))
		if d.foreign && v.Kind() == reflect.Slice {
			d.number(uint64(v.Pointer()))
			return
		}
		for i := range v.Len() {
			d.value(v.Index(i))
		}
	case reflect.Struct:
		d.text(v.Type().String())
		for i := range v.NumField() {
			d.value(v.Field(i))
		}
	case reflect.Map:
		if d.foreign {
			d.number(uint64(v.Pointer()))
			return
		}
		d.entries(v)
	case reflect.Interface:
		if v.IsNil() {
			d.number(0)
			return
		}
		d.text(v.Elem().Type().PkgPath())
		d.text(v.Elem().Type().String())
		d.foreign = d.foreign || v.NumMethod() > 0 || v.Elem().NumMethod() > 0
		d.value(v.Elem())
	case reflect.Pointer:
		d.number(uint64(v.Pointer()))
	default: // a func, and what has no value to compare
		if v.Kind() == reflect.Func && v.IsNil() {
			d.number(0)
			return
		}
		d.number(unequal.Add(1))
	}
}

// entries writes the entries of a map in the order of their digests.
func (d digester) entries(v reflect.Value) {
	all := make([]string, 0, v.Len())
	for entry := v.MapRange(); entry.Next(); {
		one := digester{Hash: sha256.New()}
		one.value(entry.Key())
		one.value(entry.Value())
		all = append(all, string(one.Sum(nil)))
	}
	slices.Sort(all)
	d.number(uint64(len(all)))
	for _, sum := range all {
		d.text(sum)
	}
}
