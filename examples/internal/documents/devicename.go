package documents

import (
	"strings"
)

// A product is a browser or a system, and the word by which its User-Agent is
// known. Of the browsers that follow, each also names the ones after it.
type product struct{ word, name string }

var (
	browsers = []product{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []product{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// deviceName names the device of a login for people, from its User-Agent. The
// client writes this text as it likes, so nothing is decided by it.
func deviceName(userAgent string) string {
	browser, system := firstOf(browsers, userAgent), firstOf(systems, userAgent)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "" || system != "":
		return browser + system
	}
	// A program names itself before the first slash, such as "curl/8.5.0".
	name, _, _ := strings.Cut(userAgent, "/")
	if name == "" || len(name) > 40 || strings.ContainsFunc(name, func(c rune) bool { return !isNameRune(c) }) {
		return "Unknown device"
	}
	return name
}

func firstOf(products []product, userAgent string) string {
	for _, p := range products {
		if strings.Contains(userAgent, p.word) {
			return p.name
		}
	}
	return ""
}

func isNameRune(c rune) bool {
	return c == '-' || c == '_' || c == '.' || c == ' ' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
