package body_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// The cause of a refusal names the field of the configuration and its bound.
// Without a Source it does not, because nobody could set the field.
func TestCausesNameTheField(t *testing.T) {
	sent := func(text string) func() *http.Request {
		return func() *http.Request { return post(text) }
	}
	late := func() *http.Request {
		r := httptest.NewRequest("POST", "/", iotest.ErrReader(os.ErrDeadlineExceeded))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	within := func(bound int64) func() *http.Request {
		return func() *http.Request {
			r := post(`"s3cret s3cret"`)
			r.ContentLength = -1
			r.Body = http.MaxBytesReader(nil, r.Body, bound)
			return r
		}
	}
	text := func() *http.Request {
		r := post("s3cret")
		r.Header.Set("Content-Type", "text/s3cret")
		return r
	}
	limited := func(l jsondoc.Limits) body.Limits { return body.Limits{JSON: l} }
	tests := []struct {
		name         string
		r            func() *http.Request
		limits       body.Limits
		status       int
		code, detail string // a part of the detail
		want         []string
	}{
		{"TooLarge", sent(`"s3cret"`), body.Limits{Max: 4}, 413, "body.too_large", "the 4 bytes allowed here", []string{"MaxBodyBytes of layer.Config (4)"}},
		{"SmallerBoundAround", within(4), body.Limits{}, 413, "body.too_large", "the 4 bytes allowed here", []string{"the 4 bytes that a reader around it allows", "MaxBodyBytes of layer.Config"}},
		{"LargerBoundAround", within(12), body.Limits{Max: 4}, 413, "body.too_large", "the 4 bytes allowed here", []string{"MaxBodyBytes of layer.Config (4)"}},
		{"MediaType", text, body.Limits{MediaTypes: []string{"application/json"}}, 415, "body.unsupported_media_type", "must be one of application/json", []string{"application/json", "MediaTypes of layer.Config"}},
		{"MediaTypeFrom", text, body.Limits{TypesFrom: "layer.Config.Form"}, 415, "body.unsupported_media_type", "must be one of application/json", []string{"see layer.Config.Form"}},
		{"Timeout", late, body.Limits{Timeout: 7 * time.Second}, 408, "body.timeout", "in time", []string{"BodyTimeout of layer.Config (7s)", "ReadTimeout"}},
		{"Syntax", sent(`{s3cret}`), body.Limits{}, 400, "body.malformed", "accepted here: invalid syntax at byte 1.", []string{"the body is not strict JSON: invalid syntax at byte 1"}},
		{"SameName", sent(`{"s3cret":1,"s3cret":2}`), body.Limits{}, 400, "body.malformed", "duplicate name", []string{"the body is not strict JSON: duplicate name in an object at byte 12"}},
		{"Depth", sent(`[[1]]`), limited(jsondoc.Limits{Depth: 1}), 400, "body.too_complex", "may have at most 1 levels of arrays and objects; it has more at byte 1.", []string{"JSON.MaxDepth of layer.Config"}},
		{"Keys", sent(`{"a":1,"b":2}`), limited(jsondoc.Limits{Keys: 1}), 400, "body.too_complex", "at most 1 members of objects", []string{"JSON.MaxKeys of layer.Config"}},
		{"Items", sent(`[1,2]`), limited(jsondoc.Limits{Items: 1}), 400, "body.too_complex", "at most 1 elements in one array", []string{"JSON.MaxItems of layer.Config"}},
		{"Values", sent(`[1,2]`), limited(jsondoc.Limits{Values: 1}), 400, "body.too_complex", "at most 1 values", []string{"JSON.MaxValues of layer.Config"}},
		{"String", sent(`["s3cret"]`), limited(jsondoc.Limits{String: 3}), 400, "body.too_complex", "at most 3 bytes in one string", []string{"JSON.MaxStringBytes of layer.Config"}},
		{"Name", sent(`{"s3cret":1}`), limited(jsondoc.Limits{Name: 3}), 400, "body.too_complex", "at most 3 bytes in one name", []string{"JSON.MaxNameBytes of layer.Config"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, source := range []string{"layer.Config", ""} {
				test.limits.Source = source
				_, _, err := body.Read(httptest.NewRecorder(), test.r(), test.limits)
				p := refused(t, err, test.status, test.code)
				if !strings.Contains(p.Detail, test.detail) {
					t.Errorf("detail %q, want %q in it", p.Detail, test.detail)
				}
				cause := ""
				if p.Err != nil {
					cause = p.Err.Error()
				}
				if source == "" {
					if strings.Contains(cause, "Config") {
						t.Errorf("the cause names a field that is not there: %q", cause)
					}
					continue
				}
				for _, want := range test.want {
					if !strings.Contains(cause, want) {
						t.Errorf("the cause is %q, want %q in it", cause, want)
					}
				}
				if strings.Contains(cause, "s3cret") {
					t.Errorf("the cause repeats the value: %q", cause)
				}
			}
		})
	}
	t.Run("Number", func(t *testing.T) { // no field sets this bound
		_, _, err := body.Read(nil, post(`1e999`), body.Limits{Source: "layer.Config"})
		p := refused(t, err, 400, "body.too_complex")
		var fault *jsondoc.Error
		if !errors.As(p.Err, &fault) || strings.Contains(p.Err.Error(), "Config") || !strings.Contains(p.Detail, "at most 64 characters in one number") {
			t.Errorf("cause %v, detail %q", p.Err, p.Detail)
		}
	})
}

// A name that occurs twice is named, also to the second reader of a body.
func TestRepeatedNames(t *testing.T) {
	const text = `{"a":[{"b":1,"B":2}]}`
	_, _, err := body.Read(nil, post(text), body.Limits{})
	first := refused(t, err, 400, "body.malformed")
	r, _, err := body.Read(nil, post(text), body.Limits{JSON: jsondoc.Limits{ExactNames: true}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = body.Read(nil, r, body.Limits{})
	for _, p := range []*bulwark.Problem{first, refused(t, err, 400, "body.malformed")} {
		if len(p.Errors) != 1 || p.Errors[0].Pointer != "/a/0/B" || p.Errors[0].In != "body" || p.Errors[0].Code != "repeated" || p.Errors[0].Detail == "" {
			t.Errorf("errors are %+v", p.Errors)
		}
	}
}
