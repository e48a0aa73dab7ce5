package mis

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// An APIProfile says how a web interface is reached and how it answers (rest).
// Expressions in it are jq over the envelope: an answer without its rows.
type APIProfile struct {
	// URL is the address below which everything is asked, with {name} of Names.
	URL string `yaml:"url"`
	// Evidence says how it and the sign-in are known, as in a DatasetProfile.
	Evidence string `yaml:"evidence"`
	// Names are what a school says under mis.api.names.
	Names map[string]*NameProfile `yaml:"names"`
	// Members set to any_case has the names of members compared in small letters.
	Members string         `yaml:"members"`
	Auth    *AuthProfile   `yaml:"auth"`
	Paging  *PagingProfile `yaml:"paging"`
	// Failed is true of an envelope that reports an error inside an answer 200.
	Failed string `yaml:"failed"`
	// AsAt is when the data of an answer were true, if the MIS says it.
	AsAt string `yaml:"as_at"`
	// FreshnessMinutes is how old the data may be.
	FreshnessMinutes int `yaml:"freshness_minutes"`
	// QueryDates is how days stand in paths and queries.
	QueryDates string         `yaml:"query_dates"`
	Probes     []ProbeProfile `yaml:"probes"`
}

// A NameProfile is one thing that differs from school to school.
type NameProfile struct {
	Says string `yaml:"says"`
	// URL: the value is an address, https://….
	URL bool `yaml:"url"`
	// Form is a regular expression that fits the whole value.
	Form string `yaml:"form"`
	// Default is taken if the school says nothing; nil means that it must.
	Default *string `yaml:"default"`
}

// An AuthProfile says how the agent signs in.
type AuthProfile struct {
	// Kind is basic, header or token.
	Kind string `yaml:"kind"`
	// Post is the address that gives a token for Form or JSON; Token and Seconds
	// are jq over its answer.
	Post    string            `yaml:"post"`
	Form    map[string]string `yaml:"form"`
	JSON    map[string]string `yaml:"json"`
	Token   string            `yaml:"token"`
	Seconds string            `yaml:"seconds"`
	Headers map[string]string `yaml:"headers"`
}

// A PagingProfile says how an answer is parted into pages.
type PagingProfile struct {
	// Kind is none, page, skip or link.
	Kind string `yaml:"kind"`
	// Page and Size are names of parameters; without Page the number stands as
	// {page} inside a path or query.
	Page string `yaml:"page"`
	Size string `yaml:"size"`
	// First is the number of the first page, 1 if nil (of kind skip 0).
	First *int `yaml:"first"`
	Rows  int  `yaml:"rows"`
	// Short: a page with fewer than Rows rows is the last.
	Short bool `yaml:"short"`
	// Expressions over the envelope: is it the last page, the link to the next,
	// how many rows all pages have.
	Last  string `yaml:"last"`
	Next  string `yaml:"next"`
	Count string `yaml:"count"`
}

// An Asking is one resource of the MIS: what is asked for, and where its rows
// stand in the answers (rest).
type Asking struct {
	// Get is a path below the address, with placeholders.
	Get string `yaml:"get"`
	// Query is, with driver sql, the query for all that is read of the pupils
	// admitted; with driver rest the parameters of the request.
	Query Query `yaml:"query"`
	// Rows is the dotted path to the array of rows, empty for the answer itself; *
	// is the first member that is an array.
	Rows string `yaml:"rows"`
	// Each is jq that makes zero or more rows of one.
	Each    string          `yaml:"each"`
	Batch   *BatchProfile   `yaml:"batch"`
	Windows *WindowsProfile `yaml:"windows"`
	// Paging stands in place of that of the interface.
	Paging *PagingProfile `yaml:"paging"`
	// From is the lookup whose keys are wanted, or with IDs (jq over each of its
	// values) what they name.
	From string `yaml:"from"`
	IDs  string `yaml:"ids"`
}

// A Query is a text (sql) or parameters by name (rest).
type Query struct {
	Text       string
	Parameters map[string]string
}

// UnmarshalYAML takes a text or a section.
func (q *Query) UnmarshalYAML(node *yaml.Node) error {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Decode(&q.Text)
	case yaml.MappingNode:
		return node.Decode(&q.Parameters)
	}
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: cannot unmarshal into a query", node.Line)}}
}

// A BatchProfile says how the ids of several pupils stand where {pupils} does.
type BatchProfile struct {
	Size int `yaml:"size"`
	// Item is what is written of each, with {pupil}; Between stands between two.
	Item    string `yaml:"item"`
	Between string `yaml:"between"`
}

// A WindowsProfile parts the academic year for {from} and {to}.
type WindowsProfile struct {
	Days int `yaml:"days"`
}

// A GateProfile is the resource that says who is in care, where it is another
// than that of the pupils: whoever is not in it is not in care.
type GateProfile struct {
	Asking   `yaml:",inline"`
	Evidence string `yaml:"evidence"`
	// Columns are those of dataset pupil that are read here; one that is empty is
	// to be given by the school.
	Columns map[string]string `yaml:"columns"`
}

// A ConfirmProfile is a name that no public source gives, or that was inferred.
type ConfirmProfile struct {
	Confirmed bool `yaml:"confirmed"`
	// Ask says what to ask whom.
	Ask string `yaml:"ask"`
}

// A ProbeProfile proves a permission: one row at least must be as expected.
type ProbeProfile struct {
	Asking   `yaml:",inline"`
	Evidence string `yaml:"evidence"`
	// Expect is jq that is true of such a row; empty takes any row.
	Expect string `yaml:"expect"`
	// Says is what is wrong, and what to do, if there is none.
	Says string `yaml:"says"`
}

// A LookupProfile is rows that are put beside those of datasets. Which of them
// are kept, Codes (all: nothing in them is personal), Owner (jq: those of pupils
// admitted) or From (those that another lookup names) says: one of them.
type LookupProfile struct {
	Asking   `yaml:",inline"`
	Evidence string `yaml:"evidence"`
	Codes    bool   `yaml:"codes"`
	Owner    string `yaml:"owner"`
	// Key and Value are jq over a row; Many keeps a list for each key.
	Key   string `yaml:"key"`
	Value string `yaml:"value"`
	Many  bool   `yaml:"many"`
}

// A FeedProfile is the MIS's own list of what changed since a token.
type FeedProfile struct {
	Asking   `yaml:",inline"`
	Evidence string `yaml:"evidence"`
	// First stands for {token} where no token is known.
	First string `yaml:"first"`
	// Owner is jq over a row: the pupil that it is of; empty is nobody named.
	Owner string `yaml:"owner"`
	// Deleted is the dotted path to the list of what was deleted.
	Deleted string `yaml:"deleted"`
	// Next is jq over the envelope of the last page: the token for the next read.
	Next string `yaml:"next"`
	// ClockMinutes, in place of First and Next, is for a MIS that is asked since a
	// time: the token is when the read began, less so many minutes, in UTC as
	// 2006-01-02 15:04:05. Without one nothing is asked.
	ClockMinutes int `yaml:"clock_minutes"`
}
