module github.com/bulwark-go/bulwark/sqlstore

go 1.26.0

require (
	github.com/bulwark-go/bulwark v0.0.0
	modernc.org/sqlite v1.62.0
)

replace github.com/bulwark-go/bulwark => ..
