package address_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/internal/address"
)

func TestFault(t *testing.T) {
	for _, test := range []struct {
		text, want string
	}{
		{"https://issuer.example", ""},
		{"https://issuer.example:8443/realms/a?x=y", ""},
		{"HTTPS://issuer.example", ""},
		{"http://localhost:8080", ""},
		{"http://127.0.0.1/keys", ""},
		{"http://127.9.9.9/keys", ""},
		{"http://[::1]:8080/keys", ""},
		{"", "must be an absolute https URL, such as https://issuer.example"},
		{"issuer.example", "must be an absolute https URL, such as https://issuer.example"},
		{"/keys", "must be an absolute https URL, such as https://issuer.example"},
		{"https:///keys", "must be an absolute https URL, such as https://issuer.example"},
		{"https://:443/keys", "must be an absolute https URL, such as https://issuer.example"},
		{"https://issuer.example/%zz", "must be an absolute https URL, such as https://issuer.example"},
		{"https://user@issuer.example", "must have neither user nor fragment"},
		{"https://issuer.example#top", "must have neither user nor fragment"},
		{"https://issuer.example#", "must have neither user nor fragment"},
		{"http://issuer.example", "must be https; risk"},
		{"http://localhost.evil.example", "must be https; risk"},
		{"http://127.0.0.1.evil.example", "must be https; risk"},
		{"http://0.0.0.0", "must be https; risk"},
		{"ftp://issuer.example", "must be https; risk"},
		{"https://issuer.example/" + strings.Repeat("a", 2048), "is longer than 2048 bytes; write a shorter URL"},
	} {
		if got := address.Fault(test.text, "risk"); got != test.want {
			t.Errorf("%.60s: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestWithoutUser(t *testing.T) {
	for text, want := range map[string]string{
		"https://issuer.example": "https://issuer.example", "https://user:secret@issuer.example": "", "mailto:a@b": "",
	} {
		if got := address.WithoutUser(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
