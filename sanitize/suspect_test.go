package sanitize_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/sanitize"
)

// payloads are attacks, by the rule that finds them in a value of each kind.
var payloads = map[string][]string{
	"sqli": {
		"' OR '1'='1", "admin'--", "1' AND SLEEP(5)#", "1 UNION SELECT 1", "1 uNiOn/**/aLL/**/sElEcT password from users", "1; DROP TABLE users",
		"1/**/or/**/1=1", "' ; WAITFOR DELAY '0:0:5' --", "\") or (\"a\"=\"a", "1 or 1 like 1", "1' or 1=1 -- -", "x' and 1=(select count(*) from tabname); --", "1 order by 5", "1 group by 2", "1 having 1", "5 limit 1", "union all select a from b",
		"-1 union select null,null", "1--", "1--sp_password",
	},
	"xss": {
		"<script>alert(1)</script>", "<ScRiPt >alert(1)</sCrIpT>", "<img src=x onerror=alert(1)>", `" onmouseover=alert(1) x="`, "<svg/onload=alert(1)>", "<iframe src=javascript:alert(1)>",
		`<a href="javascript:alert(1)">x</a>`, "<a href=java&#115;cript:alert(1)>x</a>",
	},
	"traversal": {
		"../etc/x", `..\..\windows\x`, "..%2f..%2fx", "%2e%2e%2fx", "%252e%252e%252fx", "..%5cx", "..%255cx", "%c0%ae%c0%ae%c0%afx", "..%u2215x", "..%c1%9cx", "....//....//x", "..;/x",
		"/etc/passwd", "/ETC/Passwd", "%2fetc%2fpasswd", `C:\Windows\win.ini`, "c:/windows/WIN.INI", `C:\boot.ini`, "file:///etc/shadow", "/proc/self/environ", "a/../../b", "/WEB-INF/web.xml",
		"images/..", "．．／x", "%uff0e%uff0e%u2215x", "/etc/passwd%00.png",
	},
	"template": {
		"{{7*7}}", "<% out x %>", "{{a.constructor}}", `$\u007Bjndi:ldap://x/a}`, "$&lbrace;jndi:ldap://x/a}", "&#36;{jndi:RMI://x}", "{{ 7 * '7' }}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "${jndi:ldap://x/a}", "${JNDI:ldap://x/a}", "${${lower:j}ndi:ldap://x}", "${::-j}", "{{config.items()}}",
		"{{''.__class__.__mro__}}", "${T(java.lang.Runtime).getRuntime().exec('id')}", "{{constructor.constructor('x')()}}", "#{system('id')}", "{% import os %}{{os.popen('id')}}",
	},
}

// prose is what people write, which no rule may find.
var prose = []string{
	"", "O'Brien", "a < b", "a<b && c>d", "Tom & Jerry", "1' x 2'", "select a seat from the drop-down", "5' 10\" tall", "rock 'n' roll", "Bob <bob@example.com>", "List<String>", "I <3 you",
	"https://example.com/a?b=c&d=e#f", "https://example.com/and/or", "[link](https://example.com/a_(b))", "# Heading\n\n* one\n* **two** `code`\n\n> quote", "| a | b |\n|---|---|\n| 1 | 2 |",
	"{{name}}", "{{h1*2}}", "Dear {{ first_name }}, your {{> footer}} and {{user.name}}", "{{#if x}}y{{/if}}", "${HOME} and ${user.name}", "#{name}", "50 % off", "100%", "a_b", "and/or ...", "wait.../stop",
	"see .../x", "v1..2", "1 or 2 people", "1 and 2", "2 and a half", "Alice's and Bob's", "He said \"yes\" or \"no\"", "it's 5 o'clock; don't be late", "C'est l'été, n'est-ce pas ?",
	"$5.00", "$ref", "a=b", "x = 1; y = 2", "(see above)", "f(x) = x^2", "and", "1", "-1", "3.14", "2026-02-11T08:30:00Z", "Europe/London", "~/notes", "c:\\temp", "…/…", "日本語／英語", "“quoted”",
	"SELECT", "drop table by the door", "union of two sets", "order by phone", "The union select committee", "5 limit orders", "4 having fun", "3 group tours", "5 and 10 and 15", "2 and 3 or 4", "union membership fees", "12 or like it", "= 5", "<p>one</p><p>two</p>", `<b>x</b> & <i>y</i>`,
	`<a href="https://example.com/">x</a>`, "{\"a\": [1, 2]}", "key: value\nother: value", "@user", "a!@#", "#1", "half-life", "--", "1914--1918", "2 -- see below", "jndi: what is it; and jndi:x?", "2 * 3 + 4",
	"the files are in ../docs, or in /var/log", "see /etc/hosts on your machine",
}

func TestSuspect(t *testing.T) {
	for rule, list := range payloads {
		for _, s := range list {
			t.Run(rule+"/"+name(s), func(t *testing.T) {
				for _, shown := range []struct {
					in   string
					rule func() (string, string)
				}{
					{"body", func() (string, string) { return sanitize.Suspect(s, sanitize.BodyValue) }},
					{"form", func() (string, string) { return sanitize.Suspect(s, sanitize.FormValue) }},
					{"query", func() (string, string) { return sanitize.Suspect(s, sanitize.QueryValue) }},
					{"path", func() (string, string) { return sanitize.Suspect(s, sanitize.PathValue) }},
				} {
					got, fingerprint := shown.rule()
					if got != rule {
						t.Errorf("%q in %s is found by %q, want %q", s, shown.in, got, rule)
					}
					if fingerprint == "" || len(fingerprint) > 12 || len(s) > 12 && strings.Contains(s, fingerprint) {
						t.Errorf("fingerprint of %q is %q", s, fingerprint)
					}
				}
			})
		}
	}
}

// name makes the name of a subtest of a string.
func name(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
}

func TestSuspectOrdinary(t *testing.T) {
	for _, s := range prose {
		if rule, fingerprint := sanitize.Suspect(s, sanitize.BodyValue); rule != "" {
			t.Errorf("body: %q is found by %s (%s)", s, rule, fingerprint)
		}
		if rule, fingerprint := sanitize.Suspect(s, sanitize.FormValue); rule != "" {
			t.Errorf("form: %q is found by %s (%s)", s, rule, fingerprint)
		}
	}
}

func TestSuspectPlaces(t *testing.T) {
	for _, tt := range []struct {
		s                       string
		body, form, query, path string
	}{
		{"x\r\nSet-Cookie: a=b", "", "crlf", "crlf", "crlf"},
		{"x\nset-cookie:a", "", "crlf", "crlf", "crlf"},
		{"x\r\nHTTP/1.1 200 OK", "", "crlf", "crlf", "crlf"},
		{"x\r\n\r\n Content-Length: 0", "", "crlf", "crlf", "crlf"},
		{"x\r\nX-Injected: 1", "", "crlf", "crlf", "crlf"},
		{"Hello,\r\nNote: this is a letter", "", "", "", "crlf"},
		{"Hello,\r\nE-mail: see above", "", "", "", "crlf"},
		{"x\nRemote-Addr: 10.0.0.1", "", "crlf", "crlf", "crlf"},
		{"one\ntwo\nthree", "", "", "", "crlf"},
		{"x\nPOST /a HTTP/1.1", "", "crlf", "crlf", "crlf"},
		{"x\nPOST a letter", "", "", "", "crlf"},
		{"x\nHTTP/2 is fast", "", "", "", "crlf"},
		{"use '-' or '/' as the mark between two parts", "", "", "sqli", "sqli"},
		{"'-'", "sqli", "sqli", "sqli", "sqli"},
		{"One quarter (24%) of people have had an affair.", "", "", "sqli", "sqli"},
		{"width=5 style=color:red", "", "", "", ""},
		{"x onclick=alert(1)", "xss", "xss", "xss", "xss"},
		{"{\"$gt\":\"\"}", "", "nosql", "nosql", "nosql"},
		{"{ '$ne' : 1 }", "", "nosql", "nosql", "nosql"},
		{"{\"$ref\":\"#\"}", "", "", "", ""},
		{"the files are in ../docs here", "", "", "traversal", "traversal"},
		{"x%2527 or %25271%2527=%25271", "", "sqli", "sqli", "sqli"},
		{"%253Cscript%253E", "", "xss", "xss", "xss"},
		{"see [it](../../../../IT.md) here", "", "", "traversal", "traversal"},
		{"up ../../../../../ and on", "traversal", "traversal", "traversal", "traversal"},
	} {
		body, _ := sanitize.Suspect(tt.s, sanitize.BodyValue)
		form, _ := sanitize.Suspect(tt.s, sanitize.FormValue)
		query, _ := sanitize.Suspect(tt.s, sanitize.QueryValue)
		path, _ := sanitize.Suspect(tt.s, sanitize.PathValue)
		if body != tt.body || form != tt.form || query != tt.query || path != tt.path {
			t.Errorf("%q: body %q, form %q, query %q, path %q, want %q %q %q %q", tt.s, body, form, query, path, tt.body, tt.form, tt.query, tt.path)
		}
	}
}

func TestSuspectNames(t *testing.T) {
	for s, want := range map[string][2]string{ // in a body, in a query
		"$where": {"nosql", "nosql"}, "$ne": {"nosql", "nosql"}, "$GT": {"nosql", "nosql"}, "x[$ne]": {"", "nosql"}, "a[b][$regex]": {"", "nosql"}, "$ref": {}, "$schema": {}, "$id": {}, "$": {},
		"price$": {}, "x[$]": {}, "x$ne]": {}, "x[$price]": {}, "cost[$5]": {}, "' or 1=1--": {"", "sqli"}, "<script>": {"", "xss"}, "../x": {"", "traversal"}, "user[name]": {}, "a.b": {},
	} {
		body, _ := sanitize.Suspect(s, sanitize.BodyName)
		query, _ := sanitize.Suspect(s, sanitize.QueryName)
		form, _ := sanitize.Suspect(s, sanitize.FormName)
		if body != want[0] || query != want[1] || form != want[1] {
			t.Errorf("%q: body %q, query %q, form %q, want %q", s, body, query, form, want)
		}
	}
}

// Only the first and the last bytes of a long string are examined.
func TestSuspectWindows(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name, s, want string
	}{
		{"short", pad(2000) + " <script>" + pad(2000), "xss"},
		{"head", "<script>" + pad(1<<20), "xss"},
		{"end_of_head", pad(4<<10-8) + "<script>" + pad(1<<20), "xss"},
		{"tail", pad(1<<20) + "<script>", "xss"},
		{"begin_of_tail", pad(1<<20) + "<script>" + pad(1<<10-8), "xss"},
		{"between", pad(4<<10) + "<script>" + pad(1<<10), ""},
	} {
		if got, _ := sanitize.Suspect(tt.s, sanitize.BodyValue); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSuspectAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates too")
	}
	for _, s := range []string{"Down the rabbit hole and back again: gardener of white roses, on a working day.", "1 Christ Church Meadow", "1 or 2 people", "Europe/London", "2026-02-11T08:30:00Z", "and/or", "“quoted” – text…", "alice.liddell@example.com"} {
		if n := testing.AllocsPerRun(100, func() { sanitize.Suspect(s, sanitize.BodyValue) }); n != 0 {
			t.Errorf("%v allocations for %q", n, s)
		}
	}
}

// A rule that panics is a finding of its own, and takes no request with it.
func TestSuspectPanics(t *testing.T) {
	t.Cleanup(sanitize.SetIsScript(func(s string) bool { panic(s) }))
	if rule, fingerprint := sanitize.Suspect("a < b", sanitize.BodyValue); rule != "unreadable" || len(fingerprint) != 12 {
		t.Errorf("found by %q with %q", rule, fingerprint)
	}
	x := send(t, reports, post(asJSON, `{"a":"canary < b","b":"plain"}`))
	if got := found(t, x.events.Events(), "reported", 0); !x.ran || len(got) != 1 || got[0] != "malicious_extraneous body /a unreadable" || strings.Contains(logged(x), "canary") {
		t.Errorf("reported %q", got)
	}
	x = send(t, rejects, post(asJSON, `{"a":"canary < b"}`))
	if x.ran || decoded(t, x.answer).Errors[0].Code != "unreadable" {
		t.Errorf("answer %s", x.answer.Body)
	}
}
