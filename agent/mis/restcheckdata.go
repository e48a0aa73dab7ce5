package mis

import (
	"maps"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// dataset checks one dataset with its gate.
func (c *restCheck) dataset(d record.Dataset) {
	path := []string{"datasets", string(d)}
	if err := c.places.dataset(path, d); err != nil {
		c.add(err)
		return
	}
	own := c.p.Datasets[d]
	if own == nil {
		c.say(path, "this dataset says nothing: give get and columns, or remove it")
		return
	}
	c.add(c.oneOf(under(path, "evidence"), own.Evidence, evidences, true))
	c.add(c.values(path, d, own.Values))
	c.add(c.nullMeans(path, d, own.NullMeans))
	c.add(c.identity(path, d, own.Identity))
	c.add(c.withhold(path, d, own))
	if own.File+own.Report+own.Who != "" {
		c.say(path, "a web interface has no files, reports and queries: remove file, report and who")
	}
	c.asking(path, &own.Asking, askingUse{plain: !d.OfPupils() || d == record.DatasetPupil && own.Gate == nil, wanted: true, keyed: true})
	if d == record.DatasetPupil && own.From+own.IDs != "" {
		c.say(path, "pupils are not asked for by keys: remove from and ids")
	}
	c.from(path, &own.Asking)
	c.early(under(path, "each"), own.Each, d == record.DatasetPupil)
	columns := own.Columns
	if own.Gate != nil {
		columns = c.gate(path, d, own)
	}
	for _, field := range slices.Sorted(maps.Keys(own.Columns)) {
		early := d == record.DatasetPupil && slices.Contains(earlyFields, field)
		c.column(under(path, "columns", field), d, own, own.Columns[field], early)
	}
	c.confirm(path, d, own, columns)
	if d.OfPupils() && strings.TrimSpace(own.Columns["pupil"]) == "" && own.Confirm["pupil"] == nil {
		c.say(under(path, "columns"), "pupil is not given: the jq that finds the pupil's id in a row")
	}
	if d == record.DatasetPupil && len(own.Feeds) > 0 {
		c.say(under(path, "feeds"), "pupils are read each time, since they decide about the rest: remove feeds")
	}
	for i, name := range own.Feeds {
		if c.p.Feeds[name] == nil {
			known := slices.Sorted(maps.Keys(c.p.Feeds))
			c.say(under(path, "feeds"), "entry %d: there is no feed %q%s; feeds has %s", i+1, name, didYouMean(name, known), strings.Join(known, ", "))
		}
	}
}

// earlyFields of pupils are read of everybody, before it is known who is
// admitted: only lookups that hold nothing personal are there by then.
var earlyFields = []string{"pupil", "InCare", "CareAuthority"}

// early checks an expression that everybody's rows go through.
func (c *restCheck) early(path []string, text string, early bool) {
	if text == "" {
		return
	}
	for _, name := range c.expression(path, text) {
		if l := c.p.Lookups[name]; early && l != nil && !l.Codes {
			c.say(path, "lookup %q cannot be used here: this is read of everybody, before it is known who is in care; only lookups with codes: true are there by then", name)
		}
	}
}

func (c *restCheck) column(path []string, d record.Dataset, own *DatasetProfile, text string, early bool) {
	field := path[len(path)-1]
	if names := descriptions[d].names; !slices.Contains(names, field) {
		c.say(path, "a field that %s records do not have%s; they have %s", d, didYouMean(field, names), strings.Join(names, ", "))
		return
	}
	if strings.TrimSpace(text) == "" {
		if own.Confirm[field] == nil {
			c.say(path, "the expression is empty: give it, remove the field, or say under confirm what to ask whom")
		}
		return
	}
	c.early(path, text, early)
}

// gate checks the resource that says who is in care, and gives all columns of
// the pupils.
func (c *restCheck) gate(path []string, d record.Dataset, own *DatasetProfile) map[string]string {
	gate, path := own.Gate, under(path, "gate")
	if d != record.DatasetPupil {
		c.say(path, "only pupil has a gate: who is in care decides about all the others")
		return own.Columns
	}
	c.add(c.oneOf(under(path, "evidence"), gate.Evidence, evidences, false))
	c.asking(path, &gate.Asking, askingUse{plain: true})
	c.early(under(path, "each"), gate.Each, true)
	for _, field := range slices.Sorted(maps.Keys(gate.Columns)) {
		here := under(path, "columns", field)
		c.column(here, d, own, gate.Columns[field], true)
		if field != "pupil" && strings.TrimSpace(own.Columns[field]) != "" {
			c.say(here, "the gate and the pupils both have %s: remove one", field)
		}
	}
	if strings.TrimSpace(gate.Columns["pupil"]) == "" {
		c.say(under(path, "columns"), "pupil is not given: the jq that finds the pupil's id in a row of the gate")
	}
	for _, field := range []string{"InCare", "CareAuthority"} {
		if _, both := own.Columns[field]; both {
			c.say(under(path[:2], "columns", field), "the gate says who is in care: put %s into gate.columns", field)
		}
	}
	return overlaid(own.Columns, gate.Columns)
}

// confirm checks the entries of names that are not sure, and how columns are known.
func (c *restCheck) confirm(path []string, d record.Dataset, own *DatasetProfile, columns map[string]string) {
	names := descriptions[d].names
	for _, field := range slices.Sorted(maps.Keys(own.Confirm)) {
		entry, here := own.Confirm[field], under(path, "confirm", field)
		switch {
		case !slices.Contains(names, field):
			c.say(here, "a field that %s records do not have%s; they have %s", d, didYouMean(field, names), strings.Join(names, ", "))
		case entry == nil || strings.TrimSpace(entry.Ask) == "" && !entry.Confirmed:
			c.say(here, "ask is missing: say what to ask whom, and where to write the answer")
		}
	}
	for _, field := range slices.Sorted(maps.Keys(own.ColumnEvidence)) {
		here := under(path, "column_evidence", field)
		if strings.TrimSpace(columns[field]) == "" {
			c.say(here, "column_evidence has a field that columns does not have: remove it, or give its column")
		}
		if !slices.Contains(evidences, own.ColumnEvidence[field]) {
			c.say(here, "evidence must be one of %s", strings.Join(evidences, ", "))
		}
	}
	for _, field := range descriptions[d].needed {
		if strings.TrimSpace(columns[field]) == "" && own.Confirm[field] == nil && field != "pupil" {
			c.say(under(path, "columns"), "%s is not given, and without it no %s can be read: give its expression, or say under confirm what to ask whom", field, d)
		}
	}
	if fault := c.apart(path, d, own.Identity, given(columns)); fault != nil && len(own.Confirm) == 0 {
		c.add(fault)
	}
}

// from checks what the keys wanted come from.
func (c *restCheck) from(path []string, own *Asking) []string {
	name, ids := own.From, own.IDs
	switch {
	case name == "" && ids != "":
		c.say(under(path, "ids"), "ids are found in the values of a lookup: give from too")
	case name == "" || name == fromPupil:
	case c.p.Lookups[name] == nil:
		known := append(slices.Sorted(maps.Keys(c.p.Lookups)), fromPupil)
		c.say(under(path, "from"), "there is no lookup %q%s; from may be %s", name, didYouMean(name, known), strings.Join(known, ", "))
	case c.p.Lookups[name].Codes && !slices.Contains(placeholdersOf(own), fillKey):
		c.say(under(path, "from"), "lookup %q has codes, not what belongs to pupils admitted: its keys can only be asked for one by one, with {key}", name)
	}
	var uses []string
	if ids != "" {
		uses = c.expression(under(path, "ids"), ids)
	}
	if c.p.Lookups[name] != nil {
		uses = append(uses, name)
	}
	return uses
}

func (c *restCheck) lookups() {
	for _, name := range slices.Sorted(maps.Keys(c.p.Lookups)) {
		own, path := c.p.Lookups[name], []string{"lookups", name}
		if own == nil {
			c.say(path, "this lookup says nothing: give get, key and value, or remove it")
			continue
		}
		if !fillName.MatchString(name) || name == fromPupil {
			c.say(path, "a lookup has a name of small letters, digits and underscores, and not %s", fromPupil)
		}
		kinds := 0
		for _, is := range []bool{own.Codes, own.Owner != "", own.From != ""} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			c.say(path, "which rows are kept must be said by one of codes (all, since nothing in them is personal), owner (those of pupils admitted) and from (those that another lookup names)")
		}
		c.add(c.oneOf(under(path, "evidence"), own.Evidence, evidences, false))
		c.asking(path, &own.Asking, askingUse{plain: own.Owner == "", wanted: own.From != ""})
		uses := c.from(path, &own.Asking)
		for _, part := range []struct{ name, text string }{{"each", own.Each}, {"owner", own.Owner}, {"key", own.Key}, {"value", own.Value}} {
			if strings.TrimSpace(part.text) != "" {
				uses = append(uses, c.expression(under(path, part.name), part.text)...)
			} else if part.name == "key" || part.name == "value" {
				c.say(path, "%s is missing: the jq that finds it in a row", part.name)
			}
		}
		c.uses[name] = uses
		for _, used := range uses {
			if l := c.p.Lookups[used]; own.Codes && l != nil && !l.Codes {
				c.say(path, "codes: true is read before it is known who is in care, so it cannot use lookup %q, which is not", used)
			}
		}
	}
}

// cycles refuses lookups that need each other.
func (c *restCheck) cycles() {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(name string) bool
	visit = func(name string) bool {
		if state[name] != 0 {
			return state[name] == visiting
		}
		state[name] = visiting
		for _, next := range c.uses[name] {
			if visit(next) {
				return true
			}
		}
		state[name] = done
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(c.uses)) {
		if visit(name) {
			c.say([]string{"lookups", name}, "lookup %q needs itself, by way of others: nothing can be read first", name)
			return
		}
	}
}

func (c *restCheck) feeds() {
	for _, name := range slices.Sorted(maps.Keys(c.p.Feeds)) {
		own, path := c.p.Feeds[name], []string{"feeds", name}
		if own == nil {
			c.say(path, "this feed says nothing: give get, first and next, or remove it")
			continue
		}
		c.add(c.oneOf(under(path, "evidence"), own.Evidence, evidences, true))
		c.asking(path, &own.Asking, askingUse{plain: true, token: true})
		for _, part := range []struct{ name, text string }{{"each", own.Each}, {"owner", own.Owner}, {"next", own.Next}} {
			c.plain(under(path, part.name), part.text)
		}
		switch {
		case own.ClockMinutes < 0 || own.ClockMinutes > maxFreshness:
			c.say(under(path, "clock_minutes"), "clock_minutes must be 1 to %d", maxFreshness)
		case own.ClockMinutes > 0 && own.First+own.Next != "":
			c.say(path, "a feed with clock_minutes is asked since a time: remove first and next")
		case own.ClockMinutes == 0 && (own.First == "" || own.Next == ""):
			c.say(path, "a feed needs first (what stands for {token} at the first time) and next (the jq that finds the next token in the answer), or clock_minutes")
		}
		if !slices.Contains(placeholdersOf(&own.Asking), fillToken) {
			c.say(path, "a feed asks since a token: put {token} into query")
		}
	}
	if c.p.Capabilities.Changes != (len(c.p.Feeds) > 0) {
		c.say([]string{"capabilities", "changes"}, "changes is true where the profile has feeds, and only there")
	}
}

// placeholdersOf are those of a path and its query.
func placeholdersOf(own *Asking) []string {
	text := own.Get
	for _, name := range slices.Sorted(maps.Keys(own.Query.Parameters)) {
		text += " " + own.Query.Parameters[name]
	}
	return placeholders(text)
}
