package schema

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/netip"
	"regexp"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// formats are the formats of strings that "format" may name, asserted and not
// merely described. They are stricter than the libraries' where a looser
// reading is an attack: an address with spaces or quotes in it goes into
// headers, a javascript: link into a page. What a format accepts, jsondoc.Bind
// stores in the Go type for it.
var formats = map[string]func(string) bool{
	"email":                 isEmail,
	"uri":                   func(s string) bool { return isURI(s, nil) },
	"uri-reference":         func(s string) bool { return isURIReference(s, nil) },
	"uri-template":          isURITemplate,
	"uuid":                  isUUID,
	"date-time":             isDateTime,
	"date":                  isDate,
	"time":                  isTime,
	"duration":              isDuration,
	"ipv4":                  isIPv4,
	"ipv6":                  isIPv6,
	"hostname":              isHostname,
	"byte":                  isBase64,
	"regex":                 isRegex,
	"json-pointer":          isPointer,
	"relative-json-pointer": isRelativePointer,
	// OpenAPI's words for strings that have no rule.
	"password": anyText,
	"binary":   anyText,
}

// numberFormats are the formats of numbers that OpenAPI has: what the Go type
// of the same name holds.
var numberFormats = map[string]func(json.Number) bool{
	"int8":   func(n json.Number) bool { return jsondoc.FitsInt(n, 8) },
	"int16":  func(n json.Number) bool { return jsondoc.FitsInt(n, 16) },
	"int32":  func(n json.Number) bool { return jsondoc.FitsInt(n, 32) },
	"int64":  func(n json.Number) bool { return jsondoc.FitsInt(n, 64) },
	"uint8":  func(n json.Number) bool { return jsondoc.FitsUint(n, 8) },
	"uint16": func(n json.Number) bool { return jsondoc.FitsUint(n, 16) },
	"uint32": func(n json.Number) bool { return jsondoc.FitsUint(n, 32) },
	"uint64": func(n json.Number) bool { return jsondoc.FitsUint(n, 64) },
	"float":  func(n json.Number) bool { return jsondoc.FitsFloat(n, 32) },
	"double": func(n json.Number) bool { return jsondoc.FitsFloat(n, 64) },
}

// formatsOf returns the formats of strings for the options of one schema.
func formatsOf(o Options) map[string]func(string) bool {
	known := maps.Clone(formats)
	known["uri"] = func(s string) bool { return isURI(s, o.URISchemes) }
	known["uri-reference"] = func(s string) bool { return isURIReference(s, o.URISchemes) }
	maps.Copy(known, o.Formats)
	return known
}

// isForNumbers reports whether a format that somebody has added is held against
// numbers: the schema is for numbers, and the name is not a built-in one.
func isForNumbers(format string, types Types) bool {
	return types&numeric != 0 && types&String == 0 && formats[format] == nil && numberFormats[format] == nil
}

func anyText(string) bool { return true }

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

func isUUID(s string) bool {
	_, ok := jsondoc.ParseUUID(s)
	return ok
}

func isDateTime(s string) bool {
	_, ok := jsondoc.ParseDateTime(s)
	return ok
}

func isDate(s string) bool {
	_, ok := jsondoc.ParseDate(s)
	return ok
}

func isTime(s string) bool {
	_, ok := jsondoc.ParseTime(s)
	return ok
}

func isDuration(s string) bool {
	_, ok := jsondoc.ParseDuration(s)
	return ok
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

// isRegex takes what package regexp compiles, within a size that costs little
// to compile.
func isRegex(s string) bool {
	if len(s) > 4<<10 {
		return false
	}
	_, err := regexp.Compile(s)
	return err == nil
}

// isPointer takes a JSON pointer (RFC 6901).
func isPointer(s string) bool {
	if s != "" && s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}

// isRelativePointer takes a number of levels, then "#" or a JSON pointer.
func isRelativePointer(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	levels := s[:len(s)-len(rest)]
	return levels != "" && (levels == "0" || levels[0] != '0') && (rest == "#" || isPointer(rest))
}
