package authz_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

// How a body comes is checked before what is in it.
func TestDecodeRefusesFrames(t *testing.T) {
	alice := as("alice", "user")
	typed := func(mediaType ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Content-Type"] = mediaType }
	}
	coded := func(coding string, body []byte) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Content-Encoding", coding)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, `{"role":"s3cret"}`)
	z.Close()
	broken := func(err error) func(*http.Request) {
		return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(iotest.ErrReader(err)), -1 }
	}
	const types = "application/json, application/merge-patch+json"
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
		header map[string]string
	}{
		"form":            {typed("application/x-www-form-urlencoded"), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"text":            {typed("text/plain"), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"json_patch":      {typed("application/json-patch+json"), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"no_type":         {typed(), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"two_types":       {typed("application/json", "text/plain"), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"charset":         {typed("application/json; charset=utf-16"), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"latin":           {typed("application/json; charset=iso-8859-1"), 415, "body.unsupported_media_type", map[string]string{"Accept": types}},
		"gzip":            {coded("gzip", zipped.Bytes()), 415, "body.unsupported_encoding", map[string]string{"Accept-Encoding": "identity"}},
		"gzip_undeclared": {coded("identity", zipped.Bytes()), 400, "body.malformed", nil},
		"brotli":          {coded("br", []byte("x")), 415, "body.unsupported_encoding", map[string]string{"Accept-Encoding": "identity"}},
		"declared_large":  {func(r *http.Request) { r.ContentLength = 1 << 40 }, 413, "body.too_large", nil},
		"slow":            {broken(os.ErrDeadlineExceeded), 408, "body.timeout", map[string]string{"Connection": "close"}},
		"cut":             {broken(io.ErrUnexpectedEOF), 400, "body.incomplete", nil},
		"no_body":         {func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }, 400, "body.required", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				r := bodied(method, `{"title":"s3cret"}`, alice)
				test.change(r)
				d := sends(t, papers(), r)
				d.refused(t, test.status, test.code)
				for field, want := range test.header {
					if got := d.header.Get(field); got != want {
						t.Errorf("%s %s is %q, want %q", method, field, got, want)
					}
				}
				if patch := d.header.Get("Accept-Patch"); (patch != "") != (method == "PATCH" && test.code == "body.unsupported_media_type") {
					t.Errorf("%s Accept-Patch is %q", method, patch)
				}
			}
		})
	}
}

// A method whose body has no meaning is refused before the body is read.
func TestDecodeWithoutMeaning(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "DELETE"} {
		r := bodied(method, `{"title":"x"}`, as("alice", "user"))
		r.Body = io.NopCloser(iotest.ErrReader(fmt.Errorf("was read")))
		d := sends(t, papers(), r)
		if method == "HEAD" {
			if d.status != 405 || d.next != nil {
				t.Errorf("HEAD is %d", d.status)
			}
			continue
		}
		d.refused(t, 405, "authz.method_not_allowed")
		if got := d.header.Get("Allow"); got != "PATCH, POST, PUT" {
			t.Errorf("Allow is %q", got)
		}
		if text := wanted(d.events[0]); !strings.Contains(text, "use POST, PUT or PATCH") {
			t.Errorf("the event says %q", text)
		}
	}
}

// A server cuts a body off that does not come.
func TestDecodeSlowBody(t *testing.T) {
	res := papers()
	res.BodyTimeout = time.Millisecond
	mux := authz.NewMux(paperPolicy(t))
	answers := make(chan error, 1)
	authz.HandleObject(mux, "PUT /papers/{id}", res.Can("update"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*paper]) {
		_, err := authz.Decode(w, r, g)
		answers <- err
		bulwark.Deny(w, r, err)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), as("alice", "user"))))
	}))
	defer server.Close()
	body, hold := io.Pipe() // never written
	defer hold.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "PUT", server.URL+"/papers/1", body)
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = 10
	if answer, err := server.Client().Do(r); err == nil {
		answer.Body.Close()
		if answer.StatusCode != 408 {
			t.Errorf("answered %d", answer.StatusCode)
		}
	}
	if err := <-answers; codeOf(err) != "body.timeout" {
		t.Errorf("the body was refused with %v", err)
	}
}

// The limits are those of the Resource.
func TestDecodeLimits(t *testing.T) {
	for name, test := range map[string]struct {
		set    func(*authz.Resource[*paper])
		body   string
		status int
		code   string
		cause  string
	}{
		"size":   {func(r *authz.Resource[*paper]) { r.MaxBodyBytes = 8 }, `{"title":"x"}`, 413, "body.too_large", "MaxBodyBytes of authz.Resource(paper) (8)"},
		"types":  {func(r *authz.Resource[*paper]) { r.MediaTypes = []string{"application/vnd.paper+json"} }, `{}`, 415, "body.unsupported_media_type", "MediaTypes of authz.Resource(paper)"},
		"depth":  {func(r *authz.Resource[*paper]) { r.JSON.MaxDepth = 1 }, `{"tags":[]}`, 400, "body.too_complex", "JSON.MaxDepth of authz.Resource(paper)"},
		"keys":   {func(r *authz.Resource[*paper]) { r.JSON.MaxKeys = 1 }, `{"title":"x","kind":"y"}`, 400, "body.too_complex", "JSON.MaxKeys"},
		"string": {func(r *authz.Resource[*paper]) { r.JSON.MaxStringBytes = 6 }, `{"title":"too long"}`, 400, "body.too_complex", "JSON.MaxStringBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			res := papers()
			test.set(&res)
			d := sends(t, res, bodied("PUT", test.body, as("alice", "user")))
			d.refused(t, test.status, test.code)
			if text := wanted(d.events[0]); !strings.Contains(text, test.cause) {
				t.Errorf("the event says %q, want %q in it", text, test.cause)
			}
		})
	}
}

// A list of media types that changes after the registration changes nothing.
func TestDecodeCopiesMediaTypes(t *testing.T) {
	res := papers()
	res.MediaTypes = []string{"application/vnd.paper+json"}
	mux := authz.NewMux(paperPolicy(t))
	authz.HandleObject(mux, "PUT /papers/{id}", res.Can("update"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*paper]) {
		if _, err := authz.Decode(w, r, g); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	res.MediaTypes[0] = "text/plain"
	r := bodied("PUT", `{"title":"x"}`, as("alice", "user"))
	r.Header.Set("Content-Type", "application/vnd.paper+json")
	if w := serve(mux, r); w.Code != 200 {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// A wrong limit is an error of the registration, and all are reported.
func TestDecodeWrongLimits(t *testing.T) {
	res := papers()
	res.MaxBodyBytes, res.BodyTimeout, res.MediaTypes = -1, -time.Second, []string{"application/json", "text/plain"}
	res.JSON = bulwark.JSONLimits{MaxDepth: -2, MaxKeys: -1, MaxItems: -1, MaxValues: -1, MaxStringBytes: -1, MaxNameBytes: -1}
	mux := authz.NewMux(paperPolicy(t))
	defer func() {
		text := fmt.Sprint(recover())
		for _, want := range []string{
			"authz.Mux(PUT /papers/{id}).access: object paper:update: is of a resource whose MaxBodyBytes -1 is negative",
			"whose BodyTimeout -1s is negative", "whose MediaTypes[1] text/plain is not a JSON type", "whose JSON.MaxDepth -2 is negative",
			"JSON.MaxKeys", "JSON.MaxItems", "JSON.MaxValues", "JSON.MaxStringBytes", "JSON.MaxNameBytes",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("registration says %s, want %q in it", text, want)
			}
		}
	}()
	authz.HandleObject(mux, "PUT /papers/{id}", res.Can("update"), func(http.ResponseWriter, *http.Request, authz.Granted[*paper]) {})
}

// What sanitize has cleaned and validate has filled in is what Decode reads.
func TestDecodeReadsWhatTheLayersMade(t *testing.T) {
	layers := []bulwark.Builder{
		sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text}},
		validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"title":{"type":"string"},"kind":{"type":"string","default":"draft"},"role":{"type":"string"}}}`)},
	}
	d := sends(t, papers(), bodied("PUT", `{"title":"<b>hello</b>"}`, as("alice", "user")), layers...)
	if d.next == nil || d.next.Title != "hello" || d.next.Kind != "draft" {
		t.Errorf("the new state is %+v, refused with %s", d.next, d.text)
	}
	// The layers know the name. The caller may still not write it.
	d = sends(t, papers(), bodied("PUT", `{"role":"s3cret"}`, as("alice", "user")), layers...)
	d.refused(t, 403, "authz.field_forbidden", "/role forbidden")
}

// codeOf is the code of a refusal, or empty.
func codeOf(err error) string {
	var p *bulwark.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// newDecoder reads JSON as package jsondoc does.
func newDecoder(text string) *json.Decoder {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return decoder
}
