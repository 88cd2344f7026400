package body_test

import (
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/body"
)

// form is a POST of a form.
func form(text string) *http.Request {
	r := httptest.NewRequest("POST", "/?q=1", strings.NewReader(text))
	r.Header.Set("Content-Type", body.FormType)
	return r
}

// multipartForm is a POST of a multipart form with these fields and one file.
func multipartForm(t *testing.T, fields ...string) *http.Request {
	t.Helper()
	var text strings.Builder
	w := multipart.NewWriter(&text)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	file.Write([]byte("content"))
	w.Close()
	r := httptest.NewRequest("POST", "/?q=1", strings.NewReader(text.String()))
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestReadForm(t *testing.T) {
	with := func(r *http.Request, contentType string) *http.Request {
		r.Header.Set("Content-Type", contentType)
		return r
	}
	parsed := form("a=1&a=2")
	if err := parsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	parsedMultipart := multipartForm(t, "a", "1", "a", "2")
	if err := parsedMultipart.ParseMultipartForm(1 << 20); err != nil {
		t.Fatal(err)
	}
	halfParsed := multipartForm(t, "a", "1", "a", "2")
	if err := halfParsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	twice := form("a=1")
	twice.Header["Content-Type"] = []string{"application/json", body.FormType}
	get := form("a=1&a=2")
	get.Method = "GET"
	tests := []struct {
		name   string
		r      *http.Request
		want   url.Values
		status int
		code   string
	}{
		{"Form", form("a=1&a=2"), url.Values{"a": {"1", "2"}}, 0, ""},
		{"Multipart", multipartForm(t, "a", "1", "a", "2"), url.Values{"a": {"1", "2"}}, 0, ""},
		{"OfAGet", get, url.Values{"a": {"1", "2"}}, 0, ""},
		{"Empty", form(""), nil, 0, ""},
		{"JSON", post(`{"a":1}`), nil, 0, ""},
		{"NoType", httptest.NewRequest("POST", "/", strings.NewReader("a=1")), nil, 0, ""},
		{"Parsed", parsed, url.Values{"a": {"1", "2"}}, 0, ""},
		{"ParsedMultipart", parsedMultipart, url.Values{"a": {"1", "2"}}, 0, ""},
		{"HalfParsedMultipart", halfParsed, url.Values{"a": {"1", "2"}}, 0, ""},
		{"MalformedParameter", with(form("a=1"), body.FormType+"; x"), nil, 415, "body.unsupported_media_type"},
		{"OtherCharset", with(form("a=1"), body.FormType+"; charset=utf-16"), nil, 415, "body.unsupported_media_type"},
		{"OneOfTwoTypes", twice, nil, 415, "body.unsupported_media_type"},
		{"NoBoundary", with(form("a=1"), body.MultipartType), nil, 400, "body.malformed"},
		{"CutMultipart", with(form("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1"), body.MultipartType+"; boundary=x"), nil, 400, "body.malformed"},
		{"Semicolon", form("a=1;b=2"), nil, 400, "body.malformed"},
		{"Percent", form("s3cret=%zz"), nil, 400, "body.malformed"},
		{"TooLarge", form("a=" + strings.Repeat("1", 300)), nil, 413, "body.too_large"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			limit := int64(1 << 10)
			if test.status == 413 {
				limit = 256
			}
			r, got, err := body.ReadForm(nil, test.r, body.Limits{Max: limit})
			if test.code != "" {
				refused(t, err, test.status, test.code)
				return
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Fatalf("ReadForm = %v, %v; want %v", got, err, test.want)
			}
			if test.want != nil && r.Method == "POST" && !reflect.DeepEqual(append([]string{r.FormValue("a")}, r.Form["a"][1:]...), []string{"1", "2"}) {
				t.Errorf("the handler gets %v", r.Form)
			}
		})
	}
}

func TestRefuseNames(t *testing.T) {
	described := func(folded string) bool { return folded == "limit" }
	for _, name := range []string{"limit", "LIMIT"} {
		p := refused(t, body.RefuseNames("form", "layer.Config.Query", url.Values{name: {"s3cret"}, "other": {"1"}}, described), 400, "body.ambiguous_parameter")
		if p.Log.Rule != "form" || p.Detail != "The form has a parameter that belongs in the query. Send the parameter once, in the query." ||
			!strings.Contains(p.Err.Error(), "layer.Config.Query") {
			t.Errorf("rule %q, detail %q, cause %v", p.Log.Rule, p.Detail, p.Err)
		}
	}
	if err := body.RefuseNames("form", "layer.Config.Query", url.Values{"other": {"1"}}, described); err != nil {
		t.Error(err)
	}
	if err := body.RefuseNames("form", "layer.Config.Query", nil, described); err != nil {
		t.Error(err)
	}
}

// After a layer has changed the query, FormValue finds the new query and what
// was parsed of the body.
func TestForgetForm(t *testing.T) {
	changed := func(r *http.Request) *http.Request {
		r = r.Clone(r.Context())
		r.URL.RawQuery = "q=2"
		body.ForgetForm(r)
		return r
	}
	parsed := form("a=1")
	if err := parsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	multi := multipartForm(t, "a", "1")
	if err := multi.ParseMultipartForm(1 << 20); err != nil {
		t.Fatal(err)
	}
	half := multipartForm(t, "a", "1")
	if err := half.ParseForm(); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*http.Request{"NotParsed": form("a=1"), "Parsed": parsed, "Multipart": multi, "HalfParsed": half} {
		t.Run(name, func(t *testing.T) {
			r = changed(r)
			if r.FormValue("q") != "2" || r.FormValue("a") != "1" {
				t.Errorf("the form is %v", r.Form)
			}
		})
	}
}
