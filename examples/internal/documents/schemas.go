package documents

import (
	"strings"

	"github.com/bulwark-go/bulwark"
)

// A larger body is answered with 413. Both are in bytes.
const (
	maxBody         = 64 << 10
	maxDocumentBody = 1 << 20
)

// A character has at most four bytes. A longer string is refused before it is
// sanitized, because sanitizing is expensive. Its characters are counted
// afterwards.
var (
	shortStrings    = bulwark.JSONLimits{MaxStringBytes: 4 * 254}
	documentStrings = bulwark.JSONLimits{MaxStringBytes: 4 * 60_000}
)

// visible is the pattern of text with at least one visible character. These do
// not count: blanks, controls, marks without a letter, and letters that are
// drawn blank. Empty text matches, because minLength checks the length.
const visible = `"^$|[^\\s\\p{Z}\\p{C}\\p{M}\\x{115F}\\x{1160}\\x{2800}\\x{3164}\\x{FFA0}]"`

// A login has fewer rules than a sign-up, because the account was checked at
// the sign-up.
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

// The members of a document that nobody may set. The schemas know them, so that
// a body with such a member reaches authz.Decode, which refuses it with 403.
// Members that the schemas do not know are 422.
const forbiddenMembers = `"id": {}, "owner_id": {}, "created_at": {}`

const documentSchema = `{
	"type": "object",
	"properties": {
		` + forbiddenMembers + `,
		"title":   {"type": "string", "minLength": 1, "maxLength": 200, "pattern": ` + visible + `},
		"content": {"type": "string", "maxLength": 60000, "default": ""}
	},
	"required": ["title"]
}`

// A merge patch (RFC 7396) removes a member with null. Neither title nor
// content may be removed, so null does not match.
const patchSchema = `{
	"type": "object",
	"properties": {
		` + forbiddenMembers + `,
		"title":   {"type": "string", "minLength": 1, "maxLength": 200, "pattern": ` + visible + `},
		"content": {"type": "string", "maxLength": 60000}
	}
}`

const pageSchema = `{
	"type": "object",
	"properties": {` + pageMembers + `
	}
}`

// The kinds are the closed list of kinds.go. A caller is an account, an API
// key, or nobody.
var eventsSchema = `{
	"type": "object",
	"properties": {
		"kind":   {"type": "string", "enum": ["` + strings.Join(kinds, `", "`) + `"]},
		"caller": {"type": "string", "pattern": "^(` + nobody + `|u_[a-z0-9]{26}|key:[a-z0-9]{16})$"}
	}
}`

// An id of an account.
const userID = `{"type": "string", "pattern": "^u_[a-z0-9]{26}$"}`

const confirmSchema = `{
	"type": "object",
	"properties": {"password": {"type": "string", "minLength": 1, "maxLength": 100}},
	"required": ["password"]
}`

// The members of pageSchema, for queries with more.
const pageMembers = `
		"limit":  {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
		"offset": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0}`

const sessionsSchema = `{
	"type": "object",
	"properties": {
		"user": ` + userID + `,` + pageMembers + `
	}
}`

const keysSchema = `{
	"type": "object",
	"properties": {
		"owner": ` + userID + `,
		"tier":  {"type": "string", "enum": ["default", "premium", "enterprise"]},
		"stale": {"type": "boolean"},` + pageMembers + `
	}
}`

const keySchema = `{
	"type": "object",
	"properties": {
		"owner": ` + userID + `,
		"name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": ` + visible + `},
		"tier": {"type": "string", "enum": ["default", "premium", "enterprise"]}
	},
	"required": ["name", "tier"]
}`
