package rest

import "time"

// Auth says how requests are signed in.
type Auth struct {
	// Kind is basic (User and Password of the settings), header or token.
	Kind string
	// Headers are sent with each request; with kind token, {token} in a value
	// stands for the token.
	Headers map[string]string
	// Token says where tokens come from; for kind token only.
	Token *Token
}

// The kinds of Auth.
const (
	AuthBasic  = "basic"
	AuthHeader = "header"
	AuthToken  = "token"
)

// A Token is asked for before the first request, when its life is nearly over,
// and once more when the MIS refuses it.
type Token struct {
	// URL is where it is posted for, with Form or else with JSON.
	URL        string
	Form, JSON map[string]string
	// Read takes the token out of the answer, decoded as rows are; life 0 means
	// until it is refused. Its error is not shown: it could quote the answer.
	Read func(answer any) (token string, life time.Duration, err error)
}
