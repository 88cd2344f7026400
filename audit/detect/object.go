package detect

import "strings"

// objectOf returns the value in the path that names the object: the one of the
// last wildcard of the route, such as "42" for "GET /documents/{id}". The
// segments are counted from the end, because a router may have removed the
// beginning of the path. A route without such a wildcard has no objects.
func objectOf(route, path string) (value string, ok bool) {
	for {
		at, cut := strings.LastIndexByte(route, '/'), strings.LastIndexByte(path, '/')
		if at < 0 || cut < 0 {
			return "", false
		}
		segment, value := route[at+1:], path[cut+1:]
		switch {
		case segment == "{$}" && value == "":
		case segment == "" || segment[0] == '*' || strings.HasSuffix(segment, "...}"):
			return "", false // a route for everything below
		case segment[0] == ':' || segment[0] == '{' && segment[len(segment)-1] == '}':
			return value, true
		}
		route, path = route[:at], path[:cut]
	}
}

// numberOf reads the id of an object: a whole number, decimal or hexadecimal.
// Of a long number only the last bits count.
func numberOf(value string) (id uint64, ok bool) {
	var hexadecimal, decimal uint64
	isDecimal := true
	for i := range len(value) {
		digit := uint64(value[i])
		switch {
		case '0' <= digit && digit <= '9':
			digit -= '0'
		case 'a' <= digit|0x20 && digit|0x20 <= 'f':
			digit, isDecimal = digit|0x20-'a'+10, false
		default:
			return 0, false
		}
		hexadecimal, decimal = hexadecimal<<4|digit, decimal*10+digit
	}
	if isDecimal {
		return decimal, value != ""
	}
	return hexadecimal, true
}
