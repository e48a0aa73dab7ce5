package mis

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
	"go.yaml.in/yaml/v3"

	"rollbridge/agent/mis/rest"
)

const driverREST = "rest"

// What a profile of driver rest may say, each list in the order in which it is
// offered.
var (
	restDates   = []string{"yyyy-mm-dd", "dd/mm/yyyy", "dd-mm-yyyy"}
	authKinds   = []string{rest.AuthBasic, rest.AuthHeader, rest.AuthToken}
	pagingKinds = []string{rest.PagingNone, rest.PagingPage, rest.PagingSkip, rest.PagingLink}
)

// Bounds of a profile of driver rest.
const (
	maxFreshness   = 24 * 60 // minutes: older than a day is no reading of today's registers
	maxBatch       = 500
	maxWindowDays  = 366
	maxPageRows    = 1_000_000
	fromPupil      = "pupil" // of lookups: the rows of the pupils admitted
	anyCaseMembers = "any_case"
)

// A restCheck goes through one profile of driver rest.
type restCheck struct {
	places
	p     *Profile
	jq    jq
	found error
	// uses are the lookups that the expressions of each lookup name.
	uses map[string][]string
}

func (c *restCheck) add(err error) { c.found = errors.Join(c.found, err) }

func (c *restCheck) say(path []string, format string, args ...any) {
	c.add(c.placed(path, format, args...))
}

// placed is fault, which names the setting itself where there are no lines.
func (p places) placed(path []string, format string, args ...any) error {
	if p.root == nil {
		format = strings.ReplaceAll(strings.Join(path, "."), "%", "%%") + ": " + format
	}
	return p.fault(path, format, args...)
}

// under is a path one level down.
func under(path []string, names ...string) []string { return append(slices.Clone(path), names...) }

// checkREST is checkProfile for driver rest.
func checkREST(p *Profile, at places) error {
	c := &restCheck{places: at, p: p, uses: map[string][]string{}}
	c.add(at.oneOf([]string{"null_means"}, p.NullMeans, nullMeanings, true))
	c.add(at.oneOf([]string{"dates"}, p.Dates, restDates, true))
	c.add(at.pupilGiven(p.Datasets))
	if p.Delimiter+p.Encoding != "" {
		c.say([]string{"driver"}, "a web interface answers in UTF-8: remove delimiter and encoding")
	}
	if len(p.Needs) > 0 || p.School != "" {
		c.say([]string{"driver"}, "a web interface is not asked with queries of SQL: remove needs and school")
	}
	if !p.Capabilities.MISID {
		c.say([]string{"capabilities", "mis_id"}, "mis_id must be true: rows are put together by the pupil's id")
	}
	if p.Define != "" {
		if err := (jq{define: p.Define}).checkDefine(); err != nil {
			c.jqFault([]string{"define"}, p.Define, err)
		} else {
			c.jq.define = p.Define + "\n"
		}
	}
	if p.API == nil {
		c.say([]string{"api"}, "api is missing: give the address, how the agent signs in and how answers are parted into pages")
		return c.found
	}
	c.api()
	c.lookups()
	for _, d := range sortedDatasets(p.Datasets) {
		c.dataset(d)
	}
	c.cycles()
	c.feeds()
	return c.found
}

// jqFault is a mistake in the expression at path, at its own line in the file.
func (c *restCheck) jqFault(path []string, text string, err error) {
	var bad *gojq.ParseError
	if !errors.As(err, &bad) {
		c.say(path, "the jq expression cannot be used: %s", err.Error())
		return
	}
	offset := min(max(bad.Offset-len(bad.Token), 0), len(text))
	if c.root == nil {
		c.say(path, "the jq expression cannot be read, %s (after %d characters)", bad.Error(), offset)
		return
	}
	line, node := c.find(path)
	if node.Kind == yaml.ScalarNode {
		line = node.Line + strings.Count(text[:offset], "\n")
		if node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			line++
		}
	}
	c.add(fmt.Errorf("%s:%d: the jq expression cannot be read, %s (after %d characters)", c.file, line, bad.Error(), offset))
}

// expression checks one, and says which lookups it names.
func (c *restCheck) expression(path []string, text string) []string {
	x, err := c.jq.compile(text)
	if err != nil {
		c.jqFault(path, text, err)
		return nil
	}
	for _, name := range x.lookups {
		if c.p.Lookups[name] == nil {
			known := slices.Sorted(maps.Keys(c.p.Lookups))
			c.say(path, "there is no lookup %q%s; lookups has %s", name, didYouMean(name, known), strings.Join(known, ", "))
		}
	}
	return x.lookups
}

// plain checks an expression over an envelope, which has no lookups. Empty is none.
func (c *restCheck) plain(path []string, text string) {
	if text == "" {
		return
	}
	if len(c.expression(path, text)) > 0 {
		c.say(path, "a lookup cannot be used here: only rows of datasets and of lookups have them")
	}
}

func (c *restCheck) api() {
	api, path := c.p.API, []string{"api"}
	c.add(c.oneOf(under(path, "evidence"), api.Evidence, evidences, true))
	c.names(under(path, "names"))
	c.address(under(path, "url"), api.URL)
	if api.Members != "" && api.Members != anyCaseMembers {
		c.say(under(path, "members"), "members must be %s, or be left out", anyCaseMembers)
	}
	c.auth(under(path, "auth"))
	if api.Paging != nil {
		c.paging(under(path, "paging"), api.Paging)
	}
	c.plain(under(path, "failed"), api.Failed)
	c.plain(under(path, "as_at"), api.AsAt)
	if api.FreshnessMinutes < 0 || api.FreshnessMinutes > maxFreshness {
		c.say(under(path, "freshness_minutes"), "freshness_minutes must be 0 to %d", maxFreshness)
	}
	c.add(c.oneOf(under(path, "query_dates"), api.QueryDates, slices.Sorted(maps.Keys(queryDateLayouts)), false))
	for i := range api.Probes {
		c.probe(under(path, "probes"), i)
	}
}

func (c *restCheck) probe(path []string, i int) {
	probe := &c.p.API.Probes[i]
	at := c.entry(path, i)
	if strings.TrimSpace(probe.Says) == "" {
		at.say(path, "probe %d: says must tell what is not granted, and who can grant it", i+1)
	}
	at.add(at.oneOf(under(path, "evidence"), probe.Evidence, evidences, false))
	at.plain(under(path, "expect"), probe.Expect)
	at.plain(under(path, "each"), probe.Each)
	at.asking(path, &probe.Asking, askingUse{plain: true})
	c.add(at.found)
}

// entry is a check whose paths lead into one entry of a list.
func (c *restCheck) entry(path []string, i int) *restCheck {
	at := *c
	at.found = nil
	if c.root == nil {
		return &at
	}
	if _, list := c.find(path); list.Kind == yaml.SequenceNode && i < len(list.Content) {
		root := list.Content[i]
		for _, name := range slices.Backward(path) { // find walks the same way down
			root = &yaml.Node{Kind: yaml.MappingNode, Line: list.Content[i].Line, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: name, Line: list.Content[i].Line}, root}}
		}
		at.root = root
	}
	return &at
}

func (c *restCheck) names(path []string) {
	for _, name := range slices.Sorted(maps.Keys(c.p.API.Names)) {
		own, here := c.p.API.Names[name], under(path, name)
		switch {
		case !fillName.MatchString(name) || slices.Contains(fillWords, name):
			c.say(here, "a name is small letters, digits and underscores, and none of %s", strings.Join(fillWords, ", "))
		case own == nil || strings.TrimSpace(own.Says) == "":
			c.say(here, "says is missing: tell the school what is to be given")
		case own.URL && own.Form != "":
			c.say(here, "an address has its own form: remove form, or url")
		default:
			form, err := own.form()
			if err != nil {
				c.say(under(here, "form"), "form is no regular expression: correct it, for instance [0-9]{7}")
			} else if own.Default != nil {
				if text := badName(own, form, *own.Default); text != "" {
					c.say(under(here, "default"), "the default %s", text)
				}
			}
		}
	}
}

// form is the regular expression for the whole of a value.
func (n *NameProfile) form() (*regexp.Regexp, error) {
	if n.Form == "" {
		return regexp.MustCompile(`^[^\s\x00-\x1f]+$`), nil
	}
	return regexp.Compile(`^(?:` + n.Form + `)$`)
}

// badName says what is wrong with a value of a name, "" if nothing is.
func badName(n *NameProfile, form *regexp.Regexp, value string) string {
	switch {
	case n.URL:
		return badAddress(value)
	case !form.MatchString(value) && n.Form != "":
		return "must be of the form " + n.Form
	case !form.MatchString(value):
		return "must be given, without blanks"
	}
	return ""
}

// badAddress says what is wrong with an address, "" if nothing is. It never
// repeats it: it may hold a password.
func badAddress(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !hostName.MatchString(u.Hostname()):
		return "must be a web address such as https://mis.example, without a question mark behind it"
	case u.User != nil:
		return "must not hold a user name or password: they stand in settings of their own"
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	}
	return "must begin with https:// (http:// is for a program on this machine only)"
}

// hostName keeps what is put into a host from ending it.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// address checks the text of an address with names in it.
func (c *restCheck) address(path []string, text string) {
	values := map[string]string{}
	for i, name := range placeholders(text) {
		own := c.p.API.Names[name]
		switch {
		case own == nil:
			c.unknown(path, name, nil)
			return
		case own.URL && (i > 0 || !strings.HasPrefix(text, "{"+name+"}")):
			c.say(path, "{%s} is a whole address: put it at the beginning", name)
			return
		case own.URL:
			values[name] = "https://host.example"
		default:
			values[name] = "x"
		}
	}
	if bad := badAddress(filled(text, values, nil)); bad != "" {
		c.say(path, "it %s", bad)
	}
}

// unknown is a placeholder that is not allowed where it stands.
func (c *restCheck) unknown(path []string, name string, allowed []string) {
	if name == fillUser || name == fillPassword || name == fillToken {
		c.say(path, "{%s} cannot stand here: a secret belongs under api.auth and never in an address", name)
		return
	}
	all := append(slices.Sorted(maps.Keys(c.p.API.Names)), allowed...)
	c.say(path, "{%s} is not known here%s; this place may have %s", name, didYouMean(name, all), braced(all))
}

func braced(names []string) string {
	if len(names) == 0 {
		return "none: list it under api.names"
	}
	return "{" + strings.Join(names, "}, {") + "}"
}

// fills checks the placeholders of a text.
func (c *restCheck) fills(path []string, text string, allowed ...string) {
	for _, name := range placeholders(text) {
		if c.p.API.Names[name] == nil && !slices.Contains(allowed, name) {
			c.unknown(path, name, allowed)
		}
	}
}

func (c *restCheck) auth(path []string) {
	auth := c.p.API.Auth
	if auth == nil {
		c.say(path, "auth is missing: say how the agent signs in, kind basic, header or token")
		return
	}
	c.add(c.oneOf(under(path, "kind"), auth.Kind, authKinds, true))
	secrets := []string{fillUser, fillPassword}
	token := auth.Kind == rest.AuthToken
	if !token && (auth.Post+auth.Token+auth.Seconds != "" || len(auth.Form)+len(auth.JSON) > 0) {
		c.say(path, "only kind token asks for a token: remove post, form, json, token and seconds, or set kind to token")
	}
	if (auth.Kind == rest.AuthBasic) != (len(auth.Headers) == 0) {
		c.say(path, "kinds header and token need headers, and basic has none")
	}
	inHeaders := secrets
	if token {
		inHeaders = []string{fillToken}
		c.address(under(path, "post"), auth.Post)
		if (len(auth.Form) == 0) == (len(auth.JSON) == 0) {
			c.say(path, "a token is asked for with form or with json: give one of them")
		}
		if auth.Token == "" {
			c.say(under(path, "token"), "token is missing: give the jq that finds the token in the answer, such as .access_token")
		}
		c.plain(under(path, "token"), auth.Token)
		c.plain(under(path, "seconds"), auth.Seconds)
		if !strings.Contains(strings.Join(slices.Collect(maps.Values(auth.Headers)), " "), "{token}") {
			c.say(under(path, "headers"), "no header has {token}: without it the token is never shown")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(auth.Headers)) {
		if !headerName.MatchString(name) {
			c.say(under(path, "headers", name), "a header has a name of letters, digits and hyphens")
		}
		c.fills(under(path, "headers", name), auth.Headers[name], inHeaders...)
	}
	for section, values := range map[string]map[string]string{"form": auth.Form, "json": auth.JSON} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			c.fills(under(path, section, name), values[name], secrets...)
		}
	}
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func (c *restCheck) paging(path []string, own *PagingProfile) {
	c.add(c.oneOf(under(path, "kind"), own.Kind, pagingKinds, true))
	numbered := own.Kind == rest.PagingPage || own.Kind == rest.PagingSkip
	switch {
	case own.Kind == rest.PagingLink && own.Next == "":
		c.say(path, "kind link needs next: the jq that finds the link to the next page in the answer")
	case own.Kind != rest.PagingLink && own.Next != "":
		c.say(under(path, "next"), "only kind link follows links: remove next, or set kind to link")
	case !numbered && (own.Page != "" || own.First != nil || own.Last != "" || own.Short):
		c.say(path, "pages are not numbered with this kind: remove page, first, last and short")
	case own.Short && (own.Rows == 0 || own.Last != ""):
		c.say(under(path, "short"), "short needs rows, and no last: it compares the rows of a page with rows")
	case own.Size != "" && own.Rows == 0:
		c.say(under(path, "rows"), "size is the parameter that carries rows: give rows too")
	case own.Kind == rest.PagingSkip && own.Page == "":
		c.say(path, "kind skip needs page: the parameter that says how many rows to pass over")
	case own.First != nil && *own.First < 0:
		c.say(under(path, "first"), "first must be 0 or more")
	}
	if own.Rows < 0 || own.Rows > maxPageRows {
		c.say(under(path, "rows"), "rows must be 1 to %d", maxPageRows)
	}
	c.plain(under(path, "last"), own.Last)
	c.plain(under(path, "next"), own.Next)
	c.plain(under(path, "count"), own.Count)
}

// An askingUse says what is special about one place that asks for a resource.
type askingUse struct {
	plain  bool // rows of no pupil: no {pupil}, no windows
	wanted bool // {key} may stand
	keyed  bool // and must with from
	token  bool // {token} may stand
}

// asking checks what is asked for; the expressions over its rows are the caller's.
func (c *restCheck) asking(path []string, own *Asking, use askingUse) {
	if own.Query.Text != "" {
		c.say(under(path, "query"), "query holds the parameters of the request as name: value")
	}
	switch get := own.Get; {
	case strings.TrimSpace(get) == "":
		c.say(path, "get is missing: the path of the resource, below the address")
	case strings.Contains(get, "://") || strings.HasPrefix(get, "/") || strings.ContainsAny(get, "?#\\ ") || strings.Contains("/"+get+"/", "/../"):
		c.say(under(path, "get"), "get is a path below the address, without a leading slash, a question mark or blanks; what stands behind a question mark belongs under query")
	}
	if own.Rows != "" && slices.Contains(strings.Split(own.Rows, "."), "") {
		c.say(under(path, "rows"), "rows is the path of members to the array, with dots between them, or empty")
	}
	if own.Paging != nil {
		c.paging(under(path, "paging"), own.Paging)
	}
	allowed := slices.Clone(dayWords)
	if !use.plain {
		allowed = append(allowed, fillPupil, fillPupils)
	}
	if use.wanted {
		allowed = append(allowed, fillKey)
	}
	if use.token {
		allowed = append(allowed, fillToken)
	}
	if own.Windows != nil {
		allowed = append(allowed, fillFrom, fillTo)
	}
	if c.pageInside(own) {
		allowed = append(allowed, fillPage)
	}
	has := c.asks(path, own, allowed)
	c.parts(path, own, has)
	if c.pageInside(own) && !has[fillPage] {
		c.say(path, "the number of the page is not asked for: give paging.page, or put {page} into query")
	}
	if has[fillKey] && own.From == "" || use.keyed && own.From != "" && !has[fillKey] {
		c.say(path, "{key} is one of the keys that from names: give both, or neither")
	}
	if has[fillKey] && (has[fillPupil] || has[fillPupils]) && !c.keyOfEach(own) {
		c.say(path, "one request is made for {key}, or for pupils: for both only with {pupil} and a lookup with codes: true")
	}
}

// keyOfEach says whether one request is made for each pupil and each code, such
// as that of an academic year.
func (c *restCheck) keyOfEach(own *Asking) bool {
	has, l := placeholdersOf(own), c.p.Lookups[own.From]
	return l != nil && l.Codes && slices.Contains(has, fillKey) && slices.Contains(has, fillPupil)
}

// pageInside says whether the number of the page stands inside a text.
func (c *restCheck) pageInside(own *Asking) bool {
	paging := own.Paging
	if paging == nil {
		paging = c.p.API.Paging
	}
	return paging != nil && paging.Kind == rest.PagingPage && paging.Page == ""
}

// asks checks path and query, and says which placeholders they have.
func (c *restCheck) asks(path []string, own *Asking, allowed []string) map[string]bool {
	has := map[string]bool{}
	look := func(path []string, text string) {
		for _, name := range placeholders(text) {
			has[name] = true
			if slices.Contains(allowed, name) {
				continue
			}
			if n := c.p.API.Names[name]; n == nil && name == fillToken {
				c.unknown(path, name, allowed)
			} else if n == nil {
				c.unknown(path, name, withoutDays(allowed))
			} else if n.URL {
				c.say(path, "{%s} is a whole address: it stands in api.url or api.auth.post only", name)
			}
		}
	}
	look(under(path, "get"), own.Get)
	for _, name := range slices.Sorted(maps.Keys(own.Query.Parameters)) {
		look(under(path, "query", name), own.Query.Parameters[name])
	}
	if own.Batch != nil {
		for _, name := range placeholders(own.Batch.Item) {
			if name != fillPupil && c.p.API.Names[name] == nil {
				c.unknown(under(path, "batch", "item"), name, []string{fillPupil})
			}
		}
	}
	return has
}

// withoutDays shows the words that are not of days last, as a person looks for
// what is special first.
func withoutDays(allowed []string) []string {
	return append(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return slices.Contains(dayWords, s) }), dayWords...)
}

// parts checks batches and windows.
func (c *restCheck) parts(path []string, own *Asking, has map[string]bool) {
	batch := own.Batch
	switch {
	case (batch != nil) != has[fillPupils]:
		c.say(path, "{pupils} in query and batch belong together: batch says how many pupils are asked for at once, and how")
	case batch != nil && (batch.Size < 1 || batch.Size > maxBatch):
		c.say(under(path, "batch", "size"), "size must be 1 to %d", maxBatch)
	case batch != nil && !slices.Contains(placeholders(batch.Item), fillPupil):
		c.say(under(path, "batch", "item"), "item must have {pupil}, such as StudentId eq {pupil}")
	case has[fillPupil] && has[fillPupils]:
		c.say(path, "one request is made for {pupil}, or for {pupils}: not for both")
	}
	windows := own.Windows
	switch {
	case windows != nil && !(has[fillFrom] && has[fillTo]):
		c.say(under(path, "windows"), "windows need {from} and {to} in query")
	case windows != nil && (windows.Days < 1 || windows.Days > maxWindowDays):
		c.say(under(path, "windows", "days"), "days must be 1 to %d", maxWindowDays)
	}
}

// noREST refuses what only web interfaces have.
func (p places) noREST(from *Profile) error {
	if from.API != nil || from.Define != "" || len(from.Lookups)+len(from.Feeds) > 0 || from.Capabilities.Changes {
		return p.fault([]string{"driver"}, "only driver rest asks a web interface: remove api, define, lookups, feeds and capabilities.changes")
	}
	for _, d := range sortedDatasets(from.Datasets) {
		own := from.Datasets[d]
		if own == nil {
			continue
		}
		a := own.Asking
		if a.Get+a.Rows+a.Each+a.From+a.IDs != "" || a.Batch != nil || a.Windows != nil || a.Paging != nil || len(a.Query.Parameters)+len(own.Feeds)+len(own.Confirm) > 0 || own.Gate != nil {
			return p.fault([]string{"datasets", string(d)}, "only driver rest asks a web interface: remove gate, get, rows, each, batch, windows, paging, from, ids, confirm, feeds, and parameters under query")
		}
	}
	return nil
}
