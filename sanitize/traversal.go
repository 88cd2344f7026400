package sanitize

import "strings"

// targets are the files that attackers ask for to see whether they can read any
// file, in lower case, with "/" for every separator.
var targets = [...]string{"etc/passwd", "etc/shadow", "proc/self/environ", "proc/self/cmdline", "windows/win.ini", "winnt/win.ini", "boot.ini", "web-inf/web.xml"}

// others are files that texts about computers mention as well. They count where
// the whole string is a path.
var others = [...]string{"etc/hosts", "etc/group", "etc/issue", "etc/crontab", "proc/self/", "windows/system32/", "winnt/system32/", "windows/system.ini", "var/log/"}

// maxUp is how many directories a link in prose may go up.
const maxUp = 4

// traverses reports whether s is a path that leaves its directory, or the path
// of a file that attackers ask for. In a text with white space, which may be
// prose about files, only a long way up counts.
func traverses(s string, at part) bool {
	var room [examinedHead + examinedTail]byte
	path, encoded := unescapeBytes(room[:0], s)
	prose := !encoded && (at == bodyValue || at == formValue) && strings.ContainsAny(s, " \t\r\n")
	up := 0
	for i, c := range path {
		if c != '/' && c != '\\' {
			continue
		}
		if dots := dotsBefore(path[:i]); dots == 0 || dots == 3 || !(at == pathValue || isEdge(path[:i-dots])) {
			if i == 0 || path[i-1] != '/' && path[i-1] != '\\' {
				up = 0
			}
		} else if up++; !prose || up > maxUp {
			return true
		}
		for _, target := range targets {
			if hasPath(path[i+1:], target) {
				return true
			}
		}
		if prose {
			continue
		}
		for _, target := range others {
			if hasPath(path[i+1:], target) {
				return at != pathValue || i > 0
			}
		}
	}
	return !prose && len(path) > 2 && dotsBefore(path) == 2 && (path[len(path)-3] == '/' || path[len(path)-3] == '\\')
}

// dotsBefore counts the dots at the end of path if there are at least two. A
// path parameter after the dots, as in "..;/", is not counted.
func dotsBefore(path []byte) (n int) {
	if len(path) > 0 && path[len(path)-1] == ';' {
		path = path[:len(path)-1]
	}
	for n < len(path) && path[len(path)-1-n] == '.' {
		n++
	}
	if n < 2 {
		return 0
	}
	return n
}

// isEdge reports whether a segment of a path can begin after before.
func isEdge(before []byte) bool {
	if len(before) == 0 {
		return true
	}
	c := before[len(before)-1]
	return !isLetter(c) && !isDigit(c) && c < 0x80
}

// hasPath reports whether path begins with target, in any case.
func hasPath(path []byte, target string) bool {
	if len(path) < len(target) {
		return false
	}
	for i := range len(target) {
		c := path[i]
		if c == '\\' {
			c = '/'
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != target[i] {
			return false
		}
	}
	return true
}
