package sanitize_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
)

const evil = "<script>alert(1)</script>"

// parts makes a request with a query and a body of this type.
func parts(query url.Values, contentType, body string) *http.Request {
	r := post(contentType, body)
	r.URL.RawQuery = query.Encode()
	return r
}

// later makes such a request when it is needed: a body is read once.
func later(query url.Values, contentType, body string) func() *http.Request {
	return func() *http.Request { return parts(query, contentType, body) }
}

// multipartForm returns the type and the bytes of a multipart form.
func multipartForm(t *testing.T, fields url.Values) (contentType, body string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for name, values := range fields {
		for _, value := range values {
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Close()
	return w.FormDataContentType(), out.String()
}

// r.FormValue merges the query and the body. A field that is named in one part
// must not reach the handler out of the other one as it was.
func TestCaseSanitize1OtherPart(t *testing.T) {
	form := sanitize.Config{Form: sanitize.Fields{"comment": sanitize.Text}}
	query := sanitize.Config{Query: sanitize.Fields{"comment": sanitize.Text}}
	both := sanitize.Config{Form: sanitize.Fields{"comment": sanitize.Text}, Query: sanitize.Fields{"comment": sanitize.Reject}}
	body := sanitize.Config{Form: sanitize.Fields{"comment": sanitize.Text}, Fields: sanitize.Fields{"/x": sanitize.Text}}
	bad := url.Values{"comment": {evil}}
	folded := url.Values{"COMMENT": {evil}}
	multi, multiBody := multipartForm(t, bad)
	harmless, harmlessBody := multipartForm(t, url.Values{"other": {"1"}})
	for _, tt := range []struct {
		name    string
		config  sanitize.Config
		request func() *http.Request
		refused bool
		value   string // of FormValue("comment")
	}{
		{"form_named/query", form, later(bad, asForm, "other=1"), true, ""},
		{"form_named/query_folded", form, later(folded, asForm, "other=1"), true, ""},
		{"form_named/query_alone", form, later(bad, "", ""), true, ""},
		{"form_named/query_and_json", body, later(bad, asJSON, "{}"), true, ""},
		{"form_named/both", form, later(bad, asForm, "comment=a"), true, ""},
		{"form_named/other_query", form, later(url.Values{"x": {"<b>"}}, asForm, "comment="+url.QueryEscape("a<b>b</b>")), false, "ab"},
		{"query_named/form", query, later(nil, asForm, bad.Encode()), true, ""},
		{"query_named/form_folded", query, later(nil, asForm, folded.Encode()), true, ""},
		{"query_named/form_beside", query, later(url.Values{"comment": {"a"}}, asForm, bad.Encode()), true, ""},
		{"query_named/form_type_parameters", query, later(nil, asForm+"; charset=utf-8", bad.Encode()), true, ""},
		{"query_named/multipart", query, later(nil, multi, multiBody), true, ""},
		{"query_named/multipart_beside", query, later(url.Values{"comment": {"a"}}, multi, multiBody), true, ""},
		{"query_named/multipart_other", query, later(url.Values{"comment": {"a<b>b</b>"}}, harmless, harmlessBody), false, "ab"},
		{"query_named/json", query, later(url.Values{"comment": {"a<b>b</b>"}}, asJSON, `{"comment":"<b>"}`), false, "ab"},
		{"query_named/other_form", query, later(url.Values{"comment": {"a<b>b</b>"}}, asForm, "other=1"), false, "ab"},
		{"both_named/both", both, later(url.Values{"comment": {"a"}}, asForm, "comment=b"), true, ""},
		{"both_named/query", both, later(url.Values{"comment": {"a"}}, asForm, "other=1"), false, "a"},
		{"both_named/form", both, later(nil, asForm, bad.Encode()), false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := send(t, bulwark.Must(sanitize.New(tt.config)), tt.request())
			if tt.refused {
				p := x.refused(400, "body.ambiguous_parameter", bulwark.InputValidationFail)
				if strings.Contains(x.answer.Body.String(), "script") || len(p.Errors) != 0 {
					t.Errorf("the answer echoes: %s", x.answer.Body)
				}
				return
			}
			if !x.ran {
				t.Fatalf("refused: %d %s", x.answer.Code, x.answer.Body)
			}
		})
		t.Run(tt.name+"/value", func(t *testing.T) {
			r, err := bulwark.Must(sanitize.New(tt.config)).Clean(tt.request())
			if tt.refused != (err != nil) {
				t.Fatalf("error %v", err)
			}
			if err == nil && r.FormValue("comment") != tt.value {
				t.Errorf("FormValue %q, want %q", r.FormValue("comment"), tt.value)
			}
		})
	}
}

// A form that an outer layer has parsed is what the handler reads: it is
// cleaned as the body is.
func TestParsedForms(t *testing.T) {
	config := sanitize.Config{Form: sanitize.Fields{"comment": sanitize.Text, "code": sanitize.Reject}, Query: sanitize.Fields{"q": sanitize.Text}}
	layer := bulwark.Must(sanitize.New(config))
	for name, parse := range map[string]func(r *http.Request){
		"form":  func(r *http.Request) { r.ParseForm() },
		"value": func(r *http.Request) { r.FormValue("x") },
	} {
		t.Run(name, func(t *testing.T) {
			r := parts(url.Values{"q": {"<b>x</b>"}}, asForm, "comment=a%3Cb%3Eb&x=%3Cb%3E")
			parse(r)
			outer := r.Form
			clean, err := layer.Clean(r)
			if err != nil {
				t.Fatal(err)
			}
			for field, want := range map[string]string{"comment": "ab", "x": "<b>", "q": "x"} {
				if got := clean.FormValue(field); got != want {
					t.Errorf("FormValue(%s) is %q, want %q", field, got, want)
				}
			}
			if got := clean.PostFormValue("comment"); got != "ab" {
				t.Errorf("PostFormValue is %q", got)
			}
			if outer.Get("comment") != "a<b>b" || outer.Get("q") != "<b>x</b>" {
				t.Errorf("the outer layer's form was changed: %v", outer)
			}
			refused := parts(nil, asForm, "code=%3Cb%3E")
			parse(refused)
			p := send(t, layer, refused).refused(400, "sanitize.markup", bulwark.InputValidationFail)
			if len(p.Errors) != 1 || p.Errors[0].Pointer != "/code" || p.Errors[0].In != "body" {
				t.Errorf("errors %+v", p.Errors)
			}
			ambiguous := parts(nil, asForm, "q=%3Cb%3E")
			parse(ambiguous)
			send(t, layer, ambiguous).refused(400, "body.ambiguous_parameter", bulwark.InputValidationFail)
		})
	}
	t.Run("multipart", func(t *testing.T) {
		contentType, text := multipartForm(t, url.Values{"comment": {"a<b>b"}, "x": {"<b>"}})
		r := parts(nil, contentType, text)
		r.ParseMultipartForm(1 << 20)
		clean, err := layer.Clean(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := clean.FormValue("comment") + clean.MultipartForm.Value["comment"][0] + clean.FormValue("x"); got != "abab<b>" {
			t.Errorf("got %q", got)
		}
		if r.MultipartForm.Value["comment"][0] != "a<b>b" {
			t.Error("the outer layer's form was changed")
		}
	})
	// The query alone was read, before it was cleaned.
	layer = bulwark.Must(sanitize.New(sanitize.Config{Query: config.Query}))
	r := httptest.NewRequest("GET", "/?q=%3Cb%3Ex", nil)
	r.ParseForm()
	if clean, err := layer.Clean(r); err != nil || clean.FormValue("q") != "x" {
		t.Errorf("%v, %v", clean.Form, err)
	}
}

// A pointer repeats names that the client chose. As they are, they would make
// a reader of the answer, or a terminal, see another name.
func TestCaseValidate17NamesInPointers(t *testing.T) {
	layer := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/*": sanitize.Reject, "/map/*/text": sanitize.Reject}}))
	long := strings.Repeat("\\u202e", 80)
	for name, want := range map[string]string{
		`plain`:          "/plain",
		`\u202egnp.exe`:  `/\u202egnp.exe`,
		`a\u2066b\u200f`: `/a\u2066b\u200f`,
		`\u001b[31m`:     `/\u001b[31m`,
		`a\nb\u0085`:     `/a\u000ab\u0085`,
		`\u2028`:         `/\u2028`,
		`a/b~\u0007`:     `/a~1b~0\u0007`,
		`نام`:            "/نام",
		long:             "/*",
	} {
		p := send(t, layer, post("application/json", `{"`+name+`":"<b>x</b>"}`)).refused(400, "sanitize.markup", bulwark.InputValidationFail)
		if len(p.Errors) != 1 || p.Errors[0].Pointer != want {
			t.Errorf("%s: %+v, want %q", name, p.Errors, want)
		}
	}
}
