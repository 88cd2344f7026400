package jsondoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// The name of a duplicate is found from the offset of the error.
func TestNamePointer(t *testing.T) {
	long := strings.Repeat("n", 200)
	for text, want := range map[string]string{
		`{"a":1,"a":2}`:                  "/a",
		`{"a":1, "A" :2}`:                "/A",
		`{"":1,"":2}`:                    "/",
		`{"a":{"b":[{},{"c":1,"c":2}]}}`: "/a/b/1/c",
		`[1,[2,{"x":[3,4],"y":{"z":5},"w":"}","w":0}]]`:        "/1/1/w",
		`{"a\"}":{"b~/":{"\\":"{[,","q":",","q":1}}}`:          `/a"}/b~0~1/q`,
		`{"a":"x","b":{"c":1},"d":[1,2,3],"b" : 1}`:            "/b",
		`{"a":[{"b":1},{"b":2},{"c":[],"b":"\\","b":3}]}`:      "/a/2/b",
		`{"ab":1,"\u0061b":2}`:                                 "/ab",
		`{"a":{"\u202e":1,"\u202e":2}}`:                        `/a/\u202e`,
		`{"` + long + `":{"` + long + `":{"x":1,"x":2}}}`:      "/" + long,
		`{"` + long + `":{"` + long + `":1,"` + long + `":2}}`: "/" + long,
	} {
		_, err := jsondoc.Decode([]byte(text), jsondoc.Limits{})
		var fault *jsondoc.Error
		if !errors.As(err, &fault) || fault.Kind != jsondoc.KindDuplicateKey {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := jsondoc.NamePointer([]byte(text), fault.Offset); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, offset := range []int{-1, 0, 1, 5, 100} {
		if got := jsondoc.NamePointer([]byte(`{"a":1}`), offset); offset != 1 && got != "" {
			t.Errorf("offset %d: %q", offset, got)
		}
	}
}

// Any text and offset has an answer, which is short.
func FuzzNamePointer(f *testing.F) {
	for _, text := range []string{`{"a":1,"a":2}`, `[{"a":{"b":1,"B":2}}]`, `]}"`, `{"\`, `,,"x":`} {
		f.Add([]byte(text), 7)
	}
	f.Fuzz(func(t *testing.T, src []byte, offset int) {
		if got := jsondoc.NamePointer(src, offset); len(got) > 256 {
			t.Errorf("%d bytes", len(got))
		}
		_, err := jsondoc.Decode(src, jsondoc.Limits{})
		var fault *jsondoc.Error
		if errors.As(err, &fault) && fault.Kind == jsondoc.KindDuplicateKey && jsondoc.NamePointer(src, fault.Offset) == "" {
			t.Errorf("%q has no name at %d", src, fault.Offset)
		}
	})
}
