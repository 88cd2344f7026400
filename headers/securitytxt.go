package headers

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/token"
)

// A SecurityTxt is the content of a security.txt (RFC 9116). It tells people
// who find a weakness where to report it. See [SecurityTxtHandler].
type SecurityTxt struct {
	// Contact are the ways to reach you, the preferred first: mailto:, tel: or
	// https: URIs. Required.
	Contact []string
	// Expires is when the file becomes stale. RFC 9116 recommends less than a
	// year from now. Required. It must be in the future.
	Expires time.Time
	// Encryption are URIs of keys for the encryption of reports. Default: none.
	Encryption []string
	// Acknowledgments are pages that thank people who reported. Default: none.
	Acknowledgments []string
	// PreferredLanguages are language tags, such as "en" and "de". Default:
	// none.
	PreferredLanguages []string
	// Canonical are the URIs of this file itself. Default: none.
	Canonical []string
	// Policy are pages that explain how reports are handled. Default: none.
	Policy []string
	// Hiring are pages with security positions. Default: none.
	Hiring []string
}

// SecurityTxtHandler returns a handler that answers GET and HEAD with the text
// of s. Serve it at /.well-known/security.txt, over https. Every mistake is
// reported at once, each as a [*bulwark.ConfigError].
func SecurityTxtHandler(s SecurityTxt) (http.Handler, error) {
	faults := fault.In("headers")
	var text strings.Builder
	if len(s.Contact) == 0 {
		faults.Add("SecurityTxt.Contact", "", "is empty; name at least one way to reach you, such as mailto:security@example.com (RFC 9116 section 2.5.3)")
	}
	if !s.Expires.After(time.Now()) {
		faults.Add("SecurityTxt.Expires", s.Expires.UTC().Format(time.RFC3339), "must be set and in the future (RFC 9116 section 2.5.5)")
	}
	for _, list := range []struct {
		field, name string
		uris        []string
		schemes     string
	}{
		{"Contact", "Contact", s.Contact, "https mailto tel"},
		{"Encryption", "Encryption", s.Encryption, "https dns openpgp4fpr"},
		{"Acknowledgments", "Acknowledgments", s.Acknowledgments, "https"},
		{"Canonical", "Canonical", s.Canonical, "https"},
		{"Policy", "Policy", s.Policy, "https"},
		{"Hiring", "Hiring", s.Hiring, "https"},
	} {
		for i, uri := range list.uris {
			if reason := uriFault(uri, list.schemes); reason != "" {
				faults.AddAt("SecurityTxt."+list.field, i, uri, reason)
			}
			fmt.Fprintf(&text, "%s: %s\n", list.name, uri)
		}
	}
	for i, tag := range s.PreferredLanguages {
		if !token.Is(tag) || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			faults.AddAt("SecurityTxt.PreferredLanguages", i, tag, "is not a language tag (RFC 5646); write for example en")
		}
	}
	if len(s.PreferredLanguages) > 0 { // at most once (RFC 9116 section 2.5.8)
		fmt.Fprintf(&text, "Preferred-Languages: %s\n", strings.Join(s.PreferredLanguages, ", "))
	}
	fmt.Fprintf(&text, "Expires: %s\n", s.Expires.UTC().Format(time.RFC3339))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return securityTxt(text.String()), nil
}

// uriFault checks a URI; those of the web must be https (RFC 9116 section 2.5).
func uriFault(uri, schemes string) string {
	u, err := url.Parse(uri)
	for _, c := range []byte(uri) {
		if c <= ' ' || c >= 0x7f {
			return "has white space, a control character or a character that is not ASCII; write a URI"
		}
	}
	for scheme := range strings.FieldsSeq(schemes) {
		if err == nil && u.Scheme == scheme && (u.Host != "" || u.Opaque != "" && scheme != "https") {
			return ""
		}
	}
	return "must be a URI with one of these schemes: " + strings.ReplaceAll(schemes, " ", ", ")
}

// securityTxt is the text of the file.
type securityTxt string

func (text securityTxt) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		bulwark.Deny(w, r, methodProblem("GET, HEAD"))
		return
	}
	h := w.Header()
	h["Content-Type"] = []string{"text/plain; charset=utf-8"} // RFC 9116 section 3
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	if r.Method == http.MethodGet {
		w.Write([]byte(text))
	}
}

func methodProblem(allow string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "headers.method",
		Detail: "Use " + allow + ".", Header: http.Header{"Allow": {allow}}}
}
