package headers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

func TestSecurityTxt(t *testing.T) {
	expires := time.Now().Add(300 * 24 * time.Hour).In(time.FixedZone("", 3600)).Truncate(time.Second)
	h, err := headers.SecurityTxtHandler(headers.SecurityTxt{
		Contact:            list("mailto:security@example.com", "tel:+1-201-555-0123", "https://example.com/report"),
		Expires:            expires,
		Encryption:         list("openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f", "https://example.com/key"),
		Acknowledgments:    list("https://example.com/thanks"),
		PreferredLanguages: list("en", "de-CH"),
		Canonical:          list("https://example.com/.well-known/security.txt"),
		Policy:             list("https://example.com/policy"),
		Hiring:             list("https://example.com/jobs"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `Contact: mailto:security@example.com
Contact: tel:+1-201-555-0123
Contact: https://example.com/report
Encryption: openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f
Encryption: https://example.com/key
Acknowledgments: https://example.com/thanks
Canonical: https://example.com/.well-known/security.txt
Policy: https://example.com/policy
Hiring: https://example.com/jobs
Preferred-Languages: en, de-CH
Expires: ` + expires.UTC().Format("2006-01-02T15:04:05Z") + "\n"
	for _, method := range []string{"GET", "HEAD"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/.well-known/security.txt", nil))
		body := want
		if method == "HEAD" {
			body = ""
		}
		if w.Code != 200 || w.Body.String() != body || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Result().ContentLength != int64(len(want)) {
			t.Errorf("%s is answered %d %v\n%s", method, w.Code, w.Header(), w.Body)
		}
	}
	var rec bulwarktest.Recorder
	w := httptest.NewRecorder()
	rec.Wrap(h).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || !strings.Contains(w.Body.String(), `"code":"headers.method"`) {
		t.Errorf("POST is answered %d %v %s", w.Code, w.Header(), w.Body)
	}
	if events := rec.Take(); len(events) != 1 || events[0].Name != bulwark.InputValidationFail {
		t.Errorf("events are %+v", events)
	}
}

func TestSecurityTxtFaults(t *testing.T) {
	contact, future := list("mailto:security@example.com"), time.Now().Add(time.Hour)
	for _, test := range []struct {
		name  string
		file  headers.SecurityTxt
		field string
	}{
		{"no_contact", headers.SecurityTxt{Expires: future}, "Contact"},
		{"no_expires", headers.SecurityTxt{Contact: contact}, "Expires"},
		{"expired", headers.SecurityTxt{Contact: contact, Expires: time.Now().Add(-time.Second)}, "Expires"},
		{"bare_address", headers.SecurityTxt{Contact: list("security@example.com"), Expires: future}, "Contact[0]"},
		{"plain_http", headers.SecurityTxt{Contact: list("mailto:a@b", "http://example.com"), Expires: future}, "Contact[1]"},
		{"https_without_host", headers.SecurityTxt{Contact: list("https:example.com"), Expires: future}, "Contact[0]"},
		{"line_break", headers.SecurityTxt{Contact: list("https://example.com/\nExpires: x"), Expires: future}, "Contact[0]"},
		{"unicode", headers.SecurityTxt{Contact: list("mailto:ü@example.com"), Expires: future}, "Contact[0]"},
		{"policy_mail", headers.SecurityTxt{Contact: contact, Expires: future, Policy: contact}, "Policy[0]"},
		{"canonical", headers.SecurityTxt{Contact: contact, Expires: future, Canonical: list("/x")}, "Canonical[0]"},
		{"language", headers.SecurityTxt{Contact: contact, Expires: future, PreferredLanguages: list("en, de")}, "PreferredLanguages[0]"},
		{"language_empty", headers.SecurityTxt{Contact: contact, Expires: future, PreferredLanguages: list("")}, "PreferredLanguages[0]"},
		{"language_line_break", headers.SecurityTxt{Contact: contact, Expires: future, PreferredLanguages: list("en\nHiring: x")}, "PreferredLanguages[0]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, err := headers.SecurityTxtHandler(test.file)
			if h != nil || find(err, "headers.SecurityTxt."+test.field) == nil {
				t.Errorf("got %v, %v; want an error at %s", h, err, test.field)
			}
		})
	}
}
