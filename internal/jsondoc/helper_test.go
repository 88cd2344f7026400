package jsondoc_test

import (
	"errors"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

var errTrailing = errors.New("data after the document")

// wide are limits that only hostile input of many megabytes meets.
var wide = jsondoc.Limits{
	Bytes: 1 << 26, Depth: 10_000, Keys: 1 << 20, Items: 1 << 20, Values: 1 << 22, Number: 1 << 20,
}

func decode(t *testing.T, src string) *jsondoc.Document {
	t.Helper()
	d, err := jsondoc.Decode([]byte(src), wide)
	if err != nil {
		t.Fatalf("Decode(%.200q) = %v", src, err)
	}
	return d
}

// refusal returns the kind of an error of this package.
func refusal(t *testing.T, err error) *jsondoc.Error {
	t.Helper()
	var e *jsondoc.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v (%T), want a *jsondoc.Error", err, err)
	}
	return e
}
