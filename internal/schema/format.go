package schema

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// formats are the formats that "format" may name, asserted and not merely
// described. They are stricter than the libraries' where a looser reading is an
// attack: an address with spaces or quotes in it goes into headers, a
// javascript: link into a page.
var formats = map[string]func(string) bool{
	"email":     isEmail,
	"uri":       isURI,
	"uuid":      isUUID,
	"date-time": isDateTime,
	"date":      isDate,
	"ipv4":      isIPv4,
	"ipv6":      isIPv6,
	"hostname":  isHostname,
	"byte":      isBase64,
}

// isEmail takes an addr-spec with a dot-atom for its local part and a host name
// of two labels or more for its domain (RFC 5321, section 4.1.2): no quoted
// strings, comments, address literals or names without a dot, which are legal
// and never meant.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(local) > 64 || len(s) > 254 || !strings.Contains(domain, ".") || !isHostname(domain) {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return false
		}
	}
	// A last label of digits alone would be an IP address that some resolvers
	// take.
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	return strings.Trim(last, "0123456789") != ""
}

// notAtext is RFC 5322, section 3.2.3.
func notAtext(r rune) bool {
	return !isAlphanumeric(r) && (r > 0x7e || !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r))
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// schemes are those that "uri" takes: places to go, and none that a browser
// runs (javascript:, data:, vbscript:) or reads from a disk.
var schemes = [...]string{"https", "http", "mailto", "tel", "urn", "ftp", "ftps", "ws", "wss"}

// isURI takes an absolute URI (RFC 3986) of a known scheme, with a host where
// the scheme has hosts, and without user information, which makes
// https://bank.example@evil.example look like what it is not.
func isURI(s string) bool {
	if s == "" || strings.ContainsFunc(s, notURI) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			return false
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme != scheme {
			continue
		}
		switch scheme {
		case "mailto", "tel", "urn":
			return u.Opaque != "" && u.Host == ""
		}
		return u.Opaque == "" && isAuthority(u)
	}
	return false
}

func isAuthority(u *url.URL) bool {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		return isIPv6(host)
	}
	return isHostname(strings.TrimSuffix(host, "."))
}

// notURI holds for what no URI contains unescaped (RFC 3986, appendix A), the
// backslash among it, which browsers take for a slash.
func notURI(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isUUID takes the 36 characters of RFC 9562, section 4, in either case, and no
// braces, urn: or missing hyphens.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) {
				return false
			}
		}
	}
	return true
}

// isDateTime takes RFC 3339, section 5.6, as package time reads it, and no
// more: package time also takes a comma for the fraction, and offsets beyond a
// day. A leap second is taken where one can be, at 23:59:60 UTC.
func isDateTime(s string) bool {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' && s[10] != 't' || strings.ContainsRune(s, ',') || !digitsAt(s, 11, 13, 14, 16, 17, 19) {
		return false
	}
	s = s[:10] + "T" + s[11:]
	if strings.HasSuffix(s, "z") {
		s = s[:len(s)-1] + "Z"
	}
	if !strings.HasSuffix(s, "Z") && (len(s) < 25 || !digitsAt(s, len(s)-5, len(s)-3, len(s)-2, len(s)) || s[len(s)-5:len(s)-3] > "23" || s[len(s)-2:] > "59") {
		return false
	}
	leap := s[17:19] == "60"
	if leap {
		s = s[:17] + "59" + s[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return false
	}
	t = t.UTC()
	return !leap || t.Hour() == 23 && t.Minute() == 59
}

// digitsAt reports whether s has digits in the ranges from..to.
func digitsAt(s string, ranges ...int) bool {
	for ; len(ranges) > 1; ranges = ranges[2:] {
		for i := ranges[0]; i < ranges[1]; i++ {
			if i >= len(s) || s[i] < '0' || s[i] > '9' {
				return false
			}
		}
	}
	return true
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && len(s) == len(time.DateOnly)
}

// isIPv4 takes four decimal numbers. Leading zeros, which some read as octal,
// are refused.
func isIPv4(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is4()
}

// isIPv6 takes RFC 4291, section 2.2, without a zone.
func isIPv6(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is6() && addr.Zone() == ""
}

// isHostname is RFC 1123, section 2.1: letters, digits and hyphens, in labels
// of 1 to 63. International names come as xn--.
func isHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && !isAlphanumeric(r) {
				return false
			}
		}
	}
	return true
}

// isBase64 takes standard base64 with padding (RFC 4648, section 4), in its one
// canonical form and without line breaks, which package base64 skips.
func isBase64(s string) bool {
	if len(s)%4 != 0 || strings.ContainsAny(s, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil
}

// IsBuiltIn reports whether there is a format of this name without
// Options.Formats.
func IsBuiltIn(format string) bool { return formats[format] != nil }
