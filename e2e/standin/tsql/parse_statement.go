package tsql

import "strings"

// statement reads one statement; first says whether it begins the batch. One
// SET of several options gives several.
func (p *parser) statement(first bool) []Statement {
	t := p.peek()
	if t.kind != tokWord {
		p.unexpected()
	}
	switch t.upper {
	case "SELECT":
		return one(p.query())
	case "INSERT":
		return one(p.insert())
	case "UPDATE":
		return one(p.update())
	case "DELETE":
		return one(p.delete())
	case "CREATE":
		return one(p.create(first))
	case "ALTER":
		return one(p.alter(first))
	case "DROP":
		return one(p.drop())
	case "GRANT", "DENY", "REVOKE":
		return one(p.permission())
	case "USE":
		p.at++
		return one(&UseDatabase{p.identifier()})
	case "SET":
		return p.setOption()
	case "BEGIN", "COMMIT", "ROLLBACK":
		return one(p.transaction())
	case "WITH", "DECLARE", "IF", "WHILE", "EXEC", "EXECUTE", "PRINT", "RAISERROR", "MERGE", "TRUNCATE",
		"WAITFOR", "RETURN", "SAVE", "KILL", "BACKUP", "RESTORE", "BULK", "DBCC", "REVERT", "CHECKPOINT",
		"SHUTDOWN", "RECONFIGURE", "OPEN", "FETCH", "CLOSE", "DEALLOCATE", "GOTO", "THROW":
		panic(refuse("%s", t.upper))
	}
	p.unexpected()
	return nil
}

func one(s Statement) []Statement { return []Statement{s} }

func (p *parser) insert() Statement {
	p.need("INSERT")
	p.words("INTO")
	if p.is("TOP") {
		panic(refuse("INSERT TOP"))
	}
	s := &Insert{Table: p.name()}
	if p.isSymbol("(") {
		s.Columns = p.identifiers()
	}
	switch {
	case p.is("OUTPUT"):
		panic(refuse("OUTPUT"))
	case p.is("DEFAULT"), p.is("EXEC"), p.is("EXECUTE"):
		panic(refuse("INSERT … %s", p.peek().upper))
	case p.is("SELECT"):
		s.query = p.query()
		return s
	}
	p.need("VALUES")
	for {
		p.needSymbol("(")
		row := make([]expr, 0, max(len(s.Columns), 4))
		for {
			if p.words("DEFAULT") {
				row = append(row, &defaultWord{})
			} else {
				row = append(row, p.value())
			}
			if !p.symbol(",") {
				break
			}
		}
		p.needSymbol(")")
		s.rows = append(s.rows, row)
		if !p.symbol(",") {
			break
		}
	}
	if len(s.rows) > maxRows {
		panic(fail(10738, "The number of row value expressions in the INSERT statement exceeds the maximum allowed number of %d row values.", maxRows))
	}
	return s
}

func (p *parser) update() Statement {
	p.need("UPDATE")
	if p.is("TOP") || p.is("STATISTICS") {
		panic(refuse("UPDATE %s", p.peek().upper))
	}
	s := &Update{Table: p.name()}
	p.need("SET")
	for {
		if p.peek().kind == tokVariable {
			panic(refuse("UPDATE … SET @variable"))
		}
		item := setItem{column: p.identifier()}
		if p.isSymbol(".") || p.isSymbol("+") {
			panic(refuse("SET %s%s", item.column, p.peek().value))
		}
		p.needSymbol("=")
		item.value = p.value()
		s.set = append(s.set, item)
		if !p.symbol(",") {
			break
		}
	}
	s.where = p.changeWhere("UPDATE")
	return s
}

func (p *parser) delete() Statement {
	p.need("DELETE")
	if p.is("TOP") {
		panic(refuse("DELETE TOP"))
	}
	p.words("FROM")
	s := &Delete{Table: p.name()}
	s.where = p.changeWhere("DELETE")
	return s
}

// changeWhere reads what UPDATE and DELETE end with.
func (p *parser) changeWhere(statement string) expr {
	for _, word := range [...]string{"FROM", "OUTPUT", "WITH", "OPTION"} {
		if p.is(word) {
			panic(refuse("%s … %s", statement, word))
		}
	}
	if !p.words("WHERE") {
		return nil
	}
	if p.is("CURRENT") {
		panic(refuse("WHERE CURRENT OF"))
	}
	return p.condition()
}

func (p *parser) transaction() Statement {
	s := &Transaction{Action: p.take().upper}
	word := p.words("TRANSACTION") || p.words("TRAN")
	if s.Action == "BEGIN" && !word {
		panic(refuse("BEGIN … END and BEGIN TRY"))
	}
	if !word {
		p.words("WORK")
	}
	if word && p.isIdentifier() {
		panic(refuse("a transaction with a name"))
	}
	if p.is("WITH") {
		panic(refuse("%s … WITH", s.Action))
	}
	return s
}

// onlyOn are the options whose other value would change what statements mean.
var onlyOn = set(`ANSI_NULLS ANSI_PADDING ANSI_WARNINGS ANSI_NULL_DFLT_ON ANSI_DEFAULTS ARITHABORT
CONCAT_NULL_YIELDS_NULL QUOTED_IDENTIFIER`)

var onOff = set(`NOCOUNT XACT_ABORT`)

// onlyOff likewise, where SQL Server's default is OFF.
var onlyOff = set(`IMPLICIT_TRANSACTIONS NUMERIC_ROUNDABORT NOEXEC FMTONLY PARSEONLY SHOWPLAN_ALL
SHOWPLAN_TEXT SHOWPLAN_XML ARITHIGNORE ANSI_NULL_DFLT_OFF FORCEPLAN CURSOR_CLOSE_ON_COMMIT`)

func (p *parser) setOption() []Statement {
	p.need("SET")
	if p.words("TRANSACTION", "ISOLATION", "LEVEL") {
		level := p.choice("READ", "REPEATABLE", "SERIALIZABLE", "SNAPSHOT")
		switch level {
		case "READ":
			level += " " + p.choice("COMMITTED", "UNCOMMITTED")
		case "REPEATABLE":
			p.need("READ")
			level += " READ"
		}
		return one(&SetOption{"TRANSACTION ISOLATION LEVEL", level})
	}
	if p.peek().kind == tokVariable {
		panic(refuse("SET @variable"))
	}
	if p.peek().kind != tokWord {
		p.unexpected()
	}
	names := []string{p.take().upper}
	for p.symbol(",") {
		names = append(names, p.take().upper)
	}
	value := p.optionValue()
	var list []Statement
	for _, name := range names {
		if !allowedOption(name, value) {
			panic(refuse("SET %s %s", name, value))
		}
		list = append(list, &SetOption{name, value})
	}
	return list
}

func (p *parser) optionValue() string {
	sign := ""
	if p.symbol("-") {
		sign = "-"
	}
	t := p.take()
	switch t.kind {
	case tokWord, tokQuoted, tokText, tokNText, tokWhole:
		return sign + strings.ToUpper(t.value)
	}
	p.at--
	p.unexpected()
	return ""
}

func allowedOption(name, value string) bool {
	switch {
	case onOff[name]:
		return value == "ON" || value == "OFF"
	case onlyOn[name]:
		return value == "ON"
	case onlyOff[name]:
		return value == "OFF"
	}
	switch name {
	case "LOCK_TIMEOUT":
		return value == "-1" || digits(value) == len(value) && len(value) < 10
	case "DEADLOCK_PRIORITY":
		return value == "LOW" || value == "NORMAL" || value == "HIGH"
	case "TEXTSIZE":
		return value == "-1" || value == "2147483647"
	case "ROWCOUNT":
		return value == "0"
	case "DATEFORMAT":
		return value == "YMD" || value == "MDY"
	case "LANGUAGE":
		return value == "US_ENGLISH" || value == "ENGLISH"
	case "DATEFIRST":
		return value == "7"
	}
	return false
}
