package authztest

// Judge says what Matrix finds wrong with a status.
var Judge = judge
