package authz_test

//lint:file-ignore SA5008 encoding/json decides what odd tags mean, and Write must agree
//lint:file-ignore U1000 a field that JSON does not have is part of the test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// Types with the methods that encoding/json calls, on values and on pointers.
type (
	jsonByValue   struct{ N int }
	jsonByPointer struct{ N int }
	textByValue   int
	textByPointer struct{ S string }
	jsonNumber    int // quoted, unless its pointer is there
	bothWays      string
	zeroByValue   struct{ N int }
	zeroByPointer struct{ N int }
	textKey       struct{ S string }
	loud          []string
	readsOnly     struct{ A, B string }
	listOf        []listOf
	byteByMethod  byte
	bytesOfMethod []byteByMethod
	namedString   string
	namedBytes    []byte
	myTime        time.Time
	node          struct {
		Value any              `json:"value"`
		Next  *node            `json:"next,omitempty"`
		Many  map[string]*node `json:"many,omitempty"`
	}
)

func (v jsonByValue) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "\t{ \"n\" : %d, \"<&>\": \"\u2028 </script>\" }\n", v.N), nil
}
func (v *jsonByPointer) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[ %d ]", v.N), nil }
func (v textByValue) MarshalText() ([]byte, error) {
	return []byte("<" + strconv.Itoa(int(v)) + ">\xff"), nil
}
func (v *textByPointer) MarshalText() ([]byte, error) { return []byte("p:" + v.S), nil }
func (v *jsonNumber) MarshalJSON() ([]byte, error)    { return fmt.Appendf(nil, "%d.0", int(*v)), nil }
func (v bothWays) MarshalText() ([]byte, error)       { return []byte("text " + string(v)), nil }
func (v *bothWays) MarshalJSON() ([]byte, error)      { return json.Marshal("json " + string(*v)) }
func (v zeroByValue) IsZero() bool                    { return v.N == 7 }
func (v *zeroByPointer) IsZero() bool                 { return v.N == 7 }
func (v textKey) MarshalText() ([]byte, error)        { return []byte("key " + v.S), nil }
func (v loud) MarshalJSON() ([]byte, error)           { return json.Marshal(strings.Join(v, "!")) }
func (v *readsOnly) UnmarshalJSON([]byte) error       { return nil }
func (v *byteByMethod) MarshalText() ([]byte, error)  { return []byte{'b'}, nil }

// Structs whose fields compete for names.
type (
	Deep           struct{ A, B, C string }
	Middle         struct{ Deep }
	embeddedHidden struct{ Shown, A int }
	Rival          struct{ B, C string }
	collide        struct {
		Middle
		*Rival
		*embeddedHidden
		A  string  `json:"B"`
		X  string  `json:"x"`
		Z  *string `json:"-"`
		D  string  `json:"-,"`
		E  string  `json:"a<b>&c,omitempty"`
		F  string  `json:"bad\"name"`
		ø  string
		Ö  string
		In struct {
			Deep `json:"deep"`
		}
	}
	quoted struct {
		S  string       `json:",string"`
		I  int8         `json:",string"`
		U  uint         `json:",string,omitempty"`
		F  float32      `json:",string"`
		B  bool         `json:",string"`
		PI *int         `json:",string"`
		PS *string      `json:",string"`
		PP **int        `json:",string"`
		N  json.Number  `json:",string"`
		PN *json.Number `json:",string"`
		J  jsonNumber   `json:",string"`
		PJ *jsonNumber  `json:",string"`
		T  textByValue  `json:",string"`
		NS namedString  `json:",string"`
		L  []int        `json:",string"`
		A  any          `json:",string"`
	}
	omitted struct {
		S  string         `json:"s,omitempty"`
		F  float64        `json:"f,omitempty"`
		L  []int          `json:"l,omitempty"`
		M  map[string]int `json:"m,omitempty"`
		Z  [0]int         `json:"z,omitempty"`
		O  [1]int         `json:"o,omitempty"`
		P  *int           `json:"p,omitempty"`
		I  any            `json:"i,omitempty"`
		D  Deep           `json:"d,omitempty"`
		T  time.Time      `json:"t,omitempty"`
		T0 time.Time      `json:"t0,omitzero"`
		D0 Deep           `json:"d0,omitzero"`
		L0 []int          `json:"l0,omitzero"`
		LE []int          `json:"le,omitzero,omitempty"`
		V0 zeroByValue    `json:"v0,omitzero"`
		P0 zeroByPointer  `json:"p0,omitzero"`
		PP *zeroByPointer `json:"pp,omitzero"`
		I0 zeroer         `json:"i0,omitzero"`
		F0 float64        `json:"f0,omitzero"`
		XX func()         `json:"xx,omitzero"`
	}
	zeroer  interface{ IsZero() bool }
	methods struct {
		A  jsonByValue
		B  *jsonByValue
		C  jsonByPointer
		D  *jsonByPointer
		E  textByValue
		F  *textByValue
		G  textByPointer
		H  *textByPointer
		I  bothWays
		J  *bothWays
		K  json.Marshaler
		L  encoding.TextMarshaler
		M  map[textKey]jsonByPointer
		N  map[textByValue]*jsonByPointer
		O  [2]jsonByPointer
		P  []textByPointer
		Q  map[string][1]bothWays
		R  json.RawMessage
		S  *json.RawMessage
		T  loud
		U  big.Int
		V  netip.Addr
		W  readsOnly
		X  bytesOfMethod
		Y  map[bothWays]int
		Z  map[int8]string
		A2 map[uint16]string
		B2 **time.Time
		C2 myTime
		D2 time.Duration
		E2 namedBytes
		F2 [3]byte
		G2 map[*textByPointer]int
		H2 any
		I2 error
		J2 time.Month
	}
)

// leaves are the types that random types are made of.
var leaves = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[bool](),
	reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.Number](),
	reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any](), reflect.TypeFor[collide](), reflect.TypeFor[quoted](), reflect.TypeFor[omitted](),
	reflect.TypeFor[methods](), reflect.TypeFor[node](), reflect.TypeFor[jsonByPointer](), reflect.TypeFor[bothWays](), reflect.TypeFor[listOf](),
	reflect.TypeFor[zeroByPointer](), reflect.TypeFor[*time.Time](), reflect.TypeFor[uintptr](), reflect.TypeFor[namedString](),
}

// randomType returns a type that is made at run time.
func randomType(rnd *rand.Rand, depth int) reflect.Type {
	if depth == 0 || rnd.IntN(3) == 0 {
		return leaves[rnd.IntN(len(leaves))]
	}
	switch elem := randomType(rnd, depth-1); rnd.IntN(6) {
	case 0:
		return reflect.PointerTo(elem)
	case 1:
		return reflect.SliceOf(elem)
	case 2:
		return reflect.ArrayOf(rnd.IntN(3), elem)
	case 3:
		keys := []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[textKey](), reflect.TypeFor[bothWays]()}
		return reflect.MapOf(keys[rnd.IntN(len(keys))], elem)
	default:
		fields := make([]reflect.StructField, rnd.IntN(6))
		for i := range fields {
			names := []string{"", "a", "b", "a<", "ü", "with space", "_", "0"}
			options := []string{"", ",omitempty", ",omitzero", ",string", ",omitempty,string", ",omitzero,omitempty", ", omitempty"}
			fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: randomType(rnd, depth-1),
				Tag: reflect.StructTag(`json:"` + names[rnd.IntN(len(names))] + options[rnd.IntN(len(options))] + `"`)}
		}
		return reflect.StructOf(fields)
	}
}

var texts = []string{"", "plain", "a\"b\\c/\b\f\n\r\t\x00\x1f\x7f", "<script>&", "\u2028\u2029 é 日本 😀", "\xff\xc3(\xe2\x80", "\xed\xa0\x80 \ufffd", strings.Repeat("long ", 40)}

// fill sets v to a random value.
func fill(rnd *rand.Rand, v reflect.Value, depth int) {
	if depth < 0 {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		if rnd.IntN(4) > 0 {
			zone := time.FixedZone("", rnd.IntN(86_400)-43_200)
			v.Set(reflect.ValueOf(time.Unix(rnd.Int64N(4e9), int64(rnd.IntN(3))*rnd.Int64N(1e9)).In(zone)))
		}
		return
	case reflect.TypeFor[json.Number]():
		numbers := []string{"", "0", "-0.5e+7", "12", "1E400"}
		v.SetString(numbers[rnd.IntN(len(numbers))])
		return
	case reflect.TypeFor[json.RawMessage]():
		raw := []string{"null", ` { "a" : [ 1 , "<\u2028" ] } `, `"\u003c>"`, "1.50"}
		v.SetBytes([]byte(raw[rnd.IntN(len(raw))]))
		return
	case reflect.TypeFor[big.Int]():
		v.Set(reflect.ValueOf(*big.NewInt(rnd.Int64())))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rnd.Int64() >> rnd.IntN(64) * int64(rnd.IntN(3)-1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(rnd.Uint64() >> rnd.IntN(64) * uint64(rnd.IntN(2)))
	case reflect.Float32, reflect.Float64:
		floats := []float64{0, math.Copysign(0, -1), 1, 0.1, 1e-6, 9.99999e-7, 1e-10, 1e20, 1e21, 123456789e15, math.MaxFloat32, -math.SmallestNonzeroFloat32, 5e-324, math.MaxFloat64, 7}
		if f := floats[rnd.IntN(len(floats))]; v.Kind() == reflect.Float64 || math.Abs(f) <= math.MaxFloat32 {
			v.SetFloat(f)
		} else {
			v.SetFloat(rnd.NormFloat64())
		}
	case reflect.String:
		v.SetString(texts[rnd.IntN(len(texts))])
	case reflect.Slice:
		if n := rnd.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n))
			for i := range n - 1 {
				fill(rnd, v.Index(i), depth-1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(rnd, v.Index(i), depth-1)
		}
	case reflect.Pointer:
		if rnd.IntN(4) > 0 && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rnd, v.Elem(), depth-1)
		}
	case reflect.Map:
		if n := rnd.IntN(4); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n - 1 {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(rnd, key, depth-1)
				fill(rnd, elem, depth-1)
				v.SetMapIndex(key, elem)
				if key.Kind() == reflect.Pointer {
					break // two pointers may have one name
				}
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(rnd, f, depth-1)
			} else if v.Type().Field(i).Type == reflect.TypeFor[*embeddedHidden]() && rnd.IntN(2) == 0 {
				v.Addr().Interface().(*collide).embeddedHidden = &embeddedHidden{1, 2}
			}
		}
	case reflect.Interface:
		number := jsonNumber(3)
		held := []any{nil, "x", 1.5, []any{nil, map[string]any{"b": 1, "a": nil}}, jsonByValue{4}, &jsonByPointer{5}, jsonByPointer{6}, &number, textByValue(2),
			&textByPointer{"q"}, (*time.Time)(nil), &zeroByPointer{7}, zeroByValue{7}, errors.New("an error has no fields"), map[int]any{2: true}, &node{Value: 1}, json.Number("7")}
		for _, i := range rnd.Perm(len(held)) {
			value := reflect.ValueOf(held[i])
			if v.Type() == reflect.TypeFor[json.Marshaler]() && held[i] == any((*time.Time)(nil)) {
				continue // panics in encoding/json
			}
			if held[i] != nil && value.Kind() == reflect.Pointer && value.IsNil() && v.NumMethod() > 0 {
				continue
			}
			if held[i] == nil || value.Type().AssignableTo(v.Type()) {
				v.SetZero()
				if held[i] != nil {
					v.Set(value)
				}
				return
			}
		}
	}
}

// A box holds anything, so that Write writes any type that a test makes.
type box struct {
	V any `json:"v" authz:"read=*"`
}

func boxes() authz.Resource[*box] {
	return authz.Resource[*box]{Name: "document", Owner: func(*box) (string, string) { return accounts, "alice" }}
}

// written returns what Write answers with for a value, without the newline.
func written(t *testing.T, v any) ([]byte, int) {
	t.Helper()
	res := boxes()
	res.Policy = boxPolicy
	r := request("GET", "/", as("alice", "user"))
	grant, err := res.Check(r, "read", &box{v})
	if err != nil {
		t.Fatal(err)
	}
	w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authz.Write(w, r, grant) }), r)
	return bytes.TrimSuffix(w.Body.Bytes(), []byte("\n")), w.Code
}

var boxPolicy = func() *authz.Policy {
	p, err := authz.NewPolicy(guide())
	if err == nil {
		err = authz.Fields[*box](p)
	}
	if err != nil {
		panic(err)
	}
	return p
}()

// What a caller sees who may read everything is what encoding/json writes, byte
// for byte.
func TestWriteAgreesWithMarshal(t *testing.T) {
	n := 10_000
	if testing.Short() || race.Enabled {
		n = 1_000
	}
	for seed := range n {
		agrees(t, uint64(seed))
		if t.Failed() {
			return
		}
	}
}

func FuzzWriteAgreesWithMarshal(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { agrees(t, seed) })
}

func agrees(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 13))
	value := reflect.New(randomType(rnd, rnd.IntN(4)))
	fill(rnd, value.Elem(), 6)
	for _, v := range []any{value.Elem().Interface(), value.Interface()} {
		want, err := json.Marshal(&box{v})
		got, status := written(t, v)
		if err != nil {
			if status != 500 {
				t.Fatalf("seed %d, %T: %s, but encoding/json says %v", seed, v, got, err)
			}
			continue
		}
		if status != 200 || !bytes.Equal(got, want) {
			same := 0
			for same < min(len(got), len(want)) && got[same] == want[same] {
				same++
			}
			from := max(0, same-100)
			t.Fatalf("seed %d, %T: status %d, at byte %d:\ngot  %.200s\nwant %.200s", seed, v, status, same, got[min(from, len(got)):], want[from:])
		}
	}
}
