package documents

import "github.com/bulwark-go/bulwark"

// Bodies beyond these are 413.
const (
	maxBody         = 64 << 10
	maxDocumentBody = 1 << 20
)

// A character has at most four bytes. Longer strings are refused before they
// are sanitized, which is dear, and counted, which comes after it.
var (
	shortStrings    = bulwark.JSONLimits{MaxStringBytes: 4 * 254}
	documentStrings = bulwark.JSONLimits{MaxStringBytes: 4 * 60_000}
)

// visible is the pattern of text that shows something: one character beside
// blanks, controls, marks without a letter, and letters that are drawn blank.
// Empty text fits, because minLength speaks of that.
const visible = `"^$|[^\\s\\p{Z}\\p{C}\\p{M}\\x{115F}\\x{1160}\\x{2800}\\x{3164}\\x{FFA0}]"`

// A login says little about what is wrong with it: the account has its rules
// from the sign-up.
const loginSchema = `{
	"type": "object",
	"properties": {
		"email":    {"type": "string", "minLength": 1, "maxLength": 254},
		"password": {"type": "string", "minLength": 1, "maxLength": 100}
	},
	"required": ["email", "password"]
}`

const userSchema = `{
	"type": "object",
	"properties": {
		"email":    {"type": "string", "format": "email", "maxLength": 254},
		"password": {"type": "string", "minLength": 8, "maxLength": 100},
		"name":     {"type": "string", "minLength": 1, "maxLength": 100, "pattern": ` + visible + `},
		"role":     {"type": "string", "enum": ["user", "moderator"], "default": "user"}
	},
	"required": ["email", "password", "name"]
}`

const documentSchema = `{
	"type": "object",
	"properties": {
		"title":   {"type": "string", "minLength": 1, "maxLength": 200, "pattern": ` + visible + `},
		"content": {"type": "string", "maxLength": 60000, "default": ""}
	},
	"required": ["title"]
}`

// A merge patch (RFC 7396) removes a member with null; neither may be removed.
const patchSchema = `{
	"type": "object",
	"properties": {
		"title":   {"type": "string", "minLength": 1, "maxLength": 200, "pattern": ` + visible + `},
		"content": {"type": "string", "maxLength": 60000}
	}
}`

const pageSchema = `{
	"type": "object",
	"properties": {
		"limit":  {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
		"offset": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0}
	}
}`

const keySchema = `{
	"type": "object",
	"properties": {
		"name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": ` + visible + `},
		"tier": {"type": "string", "enum": ["default", "premium", "enterprise"]}
	},
	"required": ["name", "tier"]
}`
