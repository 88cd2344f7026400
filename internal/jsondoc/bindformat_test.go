package jsondoc_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// A text that a format accepts can be stored in the Go type for it, and for
// times and durations the other texts cannot.
func TestCaseValidate4BindFormats(t *testing.T) {
	utc := func(y int, m time.Month, d, h, min, s, ns int) time.Time {
		return time.Date(y, m, d, h, min, s, ns, time.UTC)
	}
	for s, want := range map[string]time.Time{
		"2016-12-31T23:59:60Z":           utc(2017, 1, 1, 0, 0, 0, 0),
		"2016-12-31T23:59:60.5Z":         utc(2017, 1, 1, 0, 0, 0, 500_000_000),
		"2015-06-30T16:59:60-07:00":      utc(2015, 7, 1, 0, 0, 0, 0),
		"2025-03-14t15:09:26z":           utc(2025, 3, 14, 15, 9, 26, 0),
		"2025-03-14T15:09:26.123456789Z": utc(2025, 3, 14, 15, 9, 26, 123456789),
		"2025-03-14T15:09:26+23:59":      utc(2025, 3, 13, 15, 10, 26, 0),
		"2025-03-14T00:00:00-00:00":      utc(2025, 3, 14, 0, 0, 0, 0),
		"2025-03-14":                     utc(2025, 3, 14, 0, 0, 0, 0),
		"15:09:26Z":                      utc(0, 1, 1, 15, 9, 26, 0),
		"23:59:60Z":                      utc(0, 1, 2, 0, 0, 0, 0),
		"15:09:26.5+02:00":               utc(0, 1, 1, 13, 9, 26, 500_000_000),
	} {
		var got, pointed struct {
			At  time.Time  `json:"at"`
			Ptr *time.Time `json:"ptr"`
		}
		if err := jsondoc.Bind(map[string]any{"at": s}, &got); err != nil || !got.At.Equal(want) {
			t.Errorf("%s binds to %v, %v; want %v", s, got.At, err, want)
		}
		if err := jsondoc.Bind(map[string]any{"ptr": s}, &pointed); err != nil || !pointed.Ptr.Equal(want) {
			t.Errorf("%s binds to %v, %v; want %v", s, pointed.Ptr, err, want)
		}
		keys := map[time.Time]int{}
		if err := jsondoc.Bind(map[string]any{s: json.Number("1")}, &keys); err != nil || len(keys) != 1 {
			t.Errorf("%s as a key: %v, %v", s, keys, err)
		}
	}
	var embedded struct{ time.Time }
	if err := jsondoc.Bind("2016-12-31T23:59:60Z", &embedded); err != nil || embedded.Year() != 2017 {
		t.Errorf("an embedded time: %v, %v", embedded, err)
	}
	for _, s := range []string{"", "x", "2016-05-14T23:59:60Z", "2025-02-29", "25:00:00Z", "9999-12-31T23:59:60Z", "15:09"} {
		var at time.Time
		if err := jsondoc.Bind(s, &at); err == nil {
			t.Errorf("%q binds to %v", s, at)
		}
	}
	for s, want := range map[string]time.Duration{
		"P3DT4H":             76 * time.Hour,
		"PT0S":               0,
		"P2W":                14 * 24 * time.Hour,
		"P1Y2M3DT4H5M6S":     (365+60+3)*24*time.Hour + 4*time.Hour + 5*time.Minute + 6*time.Second,
		"PT9223372036S":      9223372036 * time.Second,
		"P00000000000000D":   0,
		"P106751DT23H47M16S": 9223372036 * time.Second,
	} {
		var got time.Duration
		if err := jsondoc.Bind(s, &got); err != nil || got != want {
			t.Errorf("%s binds to %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "P", "PT", "P1S", "PT1D", "P1YT", "P1Y3D", "P1W2D", "1D", "P-1D", "P1.5D", "PT9223372037S", "P293Y", "P99999999999999999999D", "p1d", "P1D "} {
		var got time.Duration
		if err := jsondoc.Bind(s, &got); err == nil {
			t.Errorf("%q binds to %v", s, got)
		}
		if _, ok := jsondoc.ParseDuration(s); ok {
			t.Errorf("%q is a duration", s)
		}
	}
	type uuid [16]byte
	var id uuid
	if err := jsondoc.Bind("F81d4fae-7dec-11d0-a765-00a0c91e6bf6", &id); err != nil || id != (uuid{0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6}) {
		t.Errorf("a UUID binds to %x, %v", id, err)
	}
	type letter byte
	for _, dst := range []any{&id, new([15]byte), new([16]letter)} {
		if err := jsondoc.Bind("f81d4fae7dec11d0a76500a0c91e6bf6", dst); err == nil {
			t.Errorf("binds to %T", dst)
		}
	}
	var others struct {
		V4, V6 netip.Addr
		IP     net.IP
		Bytes  []byte
		Re     *regexp.Regexp
	}
	if err := jsondoc.Bind(map[string]any{"V4": "192.0.2.1", "V6": "::ffff:192.0.2.1", "IP": "2001:db8::1", "Bytes": "YQ==", "Re": "^a+$"}, &others); err != nil ||
		others.V4.String() != "192.0.2.1" || others.IP.String() != "2001:db8::1" || string(others.Bytes) != "a" || !others.Re.MatchString("aa") {
		t.Errorf("%+v, %v", others, err)
	}
}

// The bounds of a number format are those of the type.
func TestCaseValidate4Numbers(t *testing.T) {
	for _, n := range []json.Number{"127", "128", "-129", "65535", "65536", "-1", "1.0", "1e2", "1.5", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", "3.4028235e38", "3.4028236e38", "1.7976931348623157e308"} {
		for _, test := range []struct {
			dst  any
			fits bool
		}{
			{new(int8), jsondoc.FitsInt(n, 8)}, {new(int16), jsondoc.FitsInt(n, 16)}, {new(int32), jsondoc.FitsInt(n, 32)}, {new(int64), jsondoc.FitsInt(n, 64)},
			{new(uint8), jsondoc.FitsUint(n, 8)}, {new(uint64), jsondoc.FitsUint(n, 64)}, {new(float32), jsondoc.FitsFloat(n, 32)}, {new(float64), jsondoc.FitsFloat(n, 64)},
		} {
			if err := jsondoc.Bind(n, test.dst); (err == nil) != test.fits {
				t.Errorf("%s in a %T: fits is %t, %v", n, test.dst, test.fits, err)
			}
		}
	}
}
