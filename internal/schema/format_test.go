package schema_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

func TestFormats(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	tests := []struct {
		format string
		good   []string
		bad    []string
	}{
		{"email", []string{"a@b.co", "first.last+tag@mail.example.com", "o'brien@example.com", "!#$%&'*+-/=?^_`{|}~@example.com", "a@xn--bcher-kva.example"},
			[]string{"", "a", "@b.co", "a@", "a@b", " a@b.co", "a@b.co ", "a b@c.de", "a@b@c.de", `"a b"@c.de`, "a.@b.co", ".a@b.co", "a..b@c.de", "a@-b.co", "a@b-.co",
				"a@b..co", "a@[127.0.0.1]", "a@127.0.0.1", "a@b.co\r\nBcc: x@y.z", "a@b.co\n", "a@bücher.example", "ä@b.co", "<a@b.co>", "a@b.co,c@d.ef", "a(comment)@b.co",
				strings.Repeat("a", 65) + "@b.co", "a@" + strings.Repeat(label63+".", 4) + "com"}},
		{"uri", []string{"https://example.com", "http://example.com:8080/a/b?c=d#e", "https://[2001:db8::1]/x", "https://192.0.2.1/", "mailto:a@b.co", "tel:+1-201-555-0123",
			"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "HTTPS://EXAMPLE.COM/%C3%A4", "wss://example.com/socket"},
			[]string{"", "example.com", "/path", "//example.com", "https:", "https://", "https:///path", "https:example.com", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
				"vbscript:x", "file:///etc/passwd", "https://user:pw@example.com", "https://bank.example@evil.example", `https://example.com\@evil.example`, "https://exa mple.com",
				" https://example.com", "https://example.com\n", "https://example.com/<script>", "https://example.com/%zz", "https://example.com/%", "https://münchen.example", "https://[::1", "https://[::1%25eth0]/",
				"https://a..b/", "https://example.com:port/", "mailto:", "mailto://x", "java\tscript:x"}},
		{"uuid", []string{"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "00000000-0000-0000-0000-000000000000"},
			[]string{"", "f81d4fae7dec11d0a76500a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a7650-0a0c91e6bf6"}},
		{"date-time", []string{"2025-03-14T15:09:26Z", "2025-03-14t15:09:26.535z", "2025-03-14T15:09:26+05:30", "2024-02-29T00:00:00-00:00", "1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00"},
			[]string{"", "2025-03-14", "2025-03-14 15:09:26Z", "2025-03-14T15:09:26", "2025-03-14T15:09Z", "2025-02-29T00:00:00Z", "2025-03-14T24:00:00Z", "2025-03-14T15:60:00Z", "2025-03-14T15:09:61Z",
				"1998-12-31T22:59:60Z", "1998-12-31T23:58:60Z", "2025-03-14T15:09:26,5Z", "2025-03-14T15:09:26.Z", "2025-03-14T5:09:26Z", "2025-03-14T15:09:26+24:00", "2025-03-14T15:09:26+05:60", "2025-03-14T15:09:26+0530",
				"2025-03-14T15:09:26Z ", "2025-03-14T15:09:26ZZ", "25-03-14T15:09:26Z", "2025-3-14T15:09:26Z", "٢٠٢٥-03-14T15:09:26Z"}},
		{"date", []string{"2025-03-14", "2024-02-29"}, []string{"", "2025-02-29", "2025-13-01", "2025-3-14", "2025-03-14T00:00:00Z", "14.03.2025", "2025-03-14 "}},
		{"ipv4", []string{"192.0.2.1", "0.0.0.0", "255.255.255.255"}, []string{"", "192.0.2", "192.0.2.256", "192.0.2.01", "0x7f.0.0.1", "2130706433", "192.0.2.1/24", "::ffff:192.0.2.1", " 192.0.2.1"}},
		{"ipv6", []string{"::", "::1", "2001:db8::1", "::ffff:192.0.2.1"}, []string{"", "192.0.2.1", "fe80::1%eth0", "[::1]", ":::", "1:2:3:4:5:6:7:8:9", "g::1", "::1/64"}},
		{"hostname", []string{"localhost", "example.com", "a-b.example", "xn--bcher-kva.example", "1.example", label63 + ".example"},
			[]string{"", ".", "example.com.", "-a.example", "a-.example", "a_b.example", "a..b", "bücher.example", label63 + "a.example", strings.Repeat("a.", 127) + "aa", "a b", "a\n"}},
		{"regex", []string{"", "^a+$", strings.Repeat("a", 4<<10)}, []string{"(", "(?=a)", `(a)\1`, strings.Repeat("a", 4<<10+1)}},
		{"byte", []string{"", "YQ==", "YWI=", "YWJj", "+/+/"}, []string{"YQ", "YQ=", "YR==", "YQ==\n", "Y\nQ==", "-_-_", "YQ== ", "Y==="}},
	}
	for _, test := range tests {
		t.Run(test.format, func(t *testing.T) {
			for _, s := range test.good {
				if !schema.IsFormat(test.format, s) {
					t.Errorf("%q is refused", s)
				}
			}
			for _, s := range test.bad {
				if schema.IsFormat(test.format, s) {
					t.Errorf("%q is accepted", s)
				}
			}
		})
	}
}

// A format answers for every text.
func FuzzFormats(f *testing.F) {
	for _, text := range []string{"", "a@b.co", "https://[::1%25eth0]/", "1998-12-31T23:59:60Z", "2025-03-14t15:09:26.535z", "\xff@\xff.co"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []string{"email", "uri", "uuid", "date-time", "date", "ipv4", "ipv6", "hostname", "byte"} {
			if schema.IsFormat(format, text) && strings.ContainsAny(text, "\r\n\x00") {
				t.Errorf("%q is a valid %s", text, format)
			}
		}
	})
}
