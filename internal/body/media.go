package body

import (
	"mime"
	"net/http"
	"strings"
)

// MediaType returns the media type that the header names, in lower case and
// without parameters. It reports false where there is no Content-Type, more
// than one, one that does not parse, or a charset other than utf-8 (RFC 8259,
// section 8.1).
func MediaType(h http.Header) (string, bool) {
	values := h["Content-Type"]
	if len(values) != 1 {
		return "", false
	}
	switch values[0] {
	case "application/json", "application/json; charset=utf-8", "application/json;charset=utf-8":
		return "application/json", true
	}
	mediaType, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", false
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", false
	}
	return mediaType, true
}

// IsJSON knows application/json and the structured syntax suffix (RFC 6839,
// section 3.1).
func IsJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// Identity reports whether the header names only the content coding "identity",
// which changes nothing. An empty name does not count as identity, because the
// next reader may read it as another coding.
func Identity(h http.Header) bool {
	for _, value := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(value, ",") {
			if !strings.EqualFold(strings.TrimSpace(coding), "identity") {
				return false
			}
		}
	}
	return true
}
