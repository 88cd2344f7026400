package validate_test

import (
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// encoded is a form of one field, in either of the two types that net/http
// reads.
func encoded(t *testing.T, kind, name, value string) (text, contentType string) {
	t.Helper()
	if kind == "urlencoded" {
		return url.Values{name: {value}}.Encode(), "application/x-www-form-urlencoded"
	}
	var b strings.Builder
	w := multipart.NewWriter(&b)
	if err := w.WriteField(name, value); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

// What r.FormValue returns is what was checked: a parameter of the query does
// not stand in the body as well.
func TestCaseValidate15FormValue(t *testing.T) {
	const schema = `{"type":"object","properties":{"limit":{"type":"integer","minimum":1,"maximum":100,"default":50},"q":{"type":"string","maxLength":5}}}`
	m := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(schema)}))
	open := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(schema), InsecureUnknownProperties: true}))
	pattern := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(`{"type":"object","patternProperties":{"^x-":{"type":"string","maxLength":3}}}`)}))
	tests := []struct {
		name          string
		m             *validate.Middleware
		method, query string
		field, value  string
		refused       bool
		want          string // FormValue of the field
	}{
		{"InBoth", m, "POST", "limit=10", "limit", "1000000", true, ""},
		{"TheSameInBoth", m, "POST", "limit=10.000", "limit", "10.000", true, ""},
		{"InTheBodyAlone", m, "POST", "", "limit", "1000000", true, ""},
		{"InTheBodyInAnotherCase", m, "PUT", "", "Limit", "1000000", true, ""},
		{"OtherParameter", m, "PATCH", "limit=10", "q", "much too long", true, ""},
		{"OfAGet", m, "GET", "limit=10", "limit", "1000000", true, ""},
		{"OtherField", m, "POST", "limit=10", "comment", "hello", false, "hello"},
		{"Open", open, "POST", "limit=10&utm=1", "limit", "1000000", true, ""},
		{"OpenAndNotDescribed", open, "POST", "limit=10&utm=1", "utm", "2", false, "2"},
		{"OfAPatternInBoth", pattern, "POST", "x-a=1", "x-a", "too long", true, ""},
	}
	for _, test := range tests {
		for _, kind := range []string{"urlencoded", "multipart"} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				text, contentType := encoded(t, kind, test.field, test.value)
				r := httptest.NewRequest(test.method, "/?"+test.query, strings.NewReader(text))
				r.Header.Set("Content-Type", contentType)
				var got, limit string
				h := test.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					got, limit = r.FormValue(test.field), r.FormValue("limit")
				}))
				if test.refused {
					o := through(t, test.m, r)
					o.refused(t, 400, "body.ambiguous_parameter")
					if o.events[0].Rule != "form" || strings.Contains(o.text, test.value) {
						t.Errorf("answered %s, event %+v", o.text, o.events[0])
					}
					return
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				// net/http takes no query before a multipart form for its own.
				if w.Code != 200 || got != test.want && kind == "urlencoded" || limit != "10" {
					t.Errorf("answered %d, FormValue = %q, limit %q", w.Code, got, limit)
				}
			})
		}
	}
	t.Run("DefaultOfTheQuery", func(t *testing.T) {
		text, contentType := encoded(t, "urlencoded", "comment", "hello")
		r := httptest.NewRequest("POST", "/", strings.NewReader(text))
		r.Header.Set("Content-Type", contentType)
		o := through(t, m, r)
		o.passed(t)
		if o.body != text || o.seen.FormValue("limit") != "50" {
			t.Errorf("body %q, limit %q", o.body, o.seen.FormValue("limit"))
		}
	})
	t.Run("AnOuterLayerHasParsed", func(t *testing.T) {
		for _, test := range []struct {
			field   string
			refused bool
		}{{"limit", true}, {"comment", false}} {
			text, contentType := encoded(t, "urlencoded", test.field, "7")
			r := httptest.NewRequest("POST", "/", strings.NewReader(text))
			r.Header.Set("Content-Type", contentType)
			if err := r.ParseForm(); err != nil {
				t.Fatal(err)
			}
			o := through(t, m, r)
			if test.refused {
				o.refused(t, 400, "body.ambiguous_parameter")
				continue
			}
			o.passed(t)
			if o.seen.FormValue("comment") != "7" || o.seen.FormValue("limit") != "50" {
				t.Errorf("the handler gets %v", o.seen.Form)
			}
		}
	})
	t.Run("TooLarge", func(t *testing.T) {
		small := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(schema), MaxBodyBytes: 10}))
		text, contentType := encoded(t, "urlencoded", "comment", "much longer")
		r := httptest.NewRequest("POST", "/", strings.NewReader(text))
		r.Header.Set("Content-Type", contentType)
		through(t, small, r).refused(t, 413, "body.too_large")
	})
	t.Run("MalformedForm", func(t *testing.T) {
		r := httptest.NewRequest("POST", "/", strings.NewReader("limit=1;a=2"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		through(t, m, r).refused(t, 400, "body.malformed")
	})
	t.Run("NotAForm", func(t *testing.T) {
		r := httptest.NewRequest("POST", "/?limit=3", strings.NewReader(strings.Repeat("x", 2<<20)))
		r.Header.Set("Content-Type", "text/plain")
		o := through(t, m, r)
		o.passed(t)
		if len(o.body) != 2<<20 || o.seen.FormValue("limit") != "3" {
			t.Errorf("%d bytes, limit %q", len(o.body), o.seen.FormValue("limit"))
		}
	})
}
