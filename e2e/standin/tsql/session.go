package tsql

import "rollbridge/e2e/standin/sqltype"

// SessionFunctions are the functions that an Environment answers, with the
// type of their answer.
var SessionFunctions = map[string]sqltype.Type{
	"DB_NAME":           name128,  // () or (id)
	"DB_ID":             smallInt, // () or (name)
	"OBJECT_ID":         wholeInt, // (name) or (name, type)
	"OBJECT_NAME":       name128,
	"SCHEMA_ID":         wholeInt, // () or (name)
	"SCHEMA_NAME":       name128,  // () or (id)
	"SUSER_SNAME":       name128,
	"SUSER_NAME":        name128,
	"ORIGINAL_LOGIN":    name128,
	"SYSTEM_USER":       name128,
	"USER_NAME":         name128,
	"CURRENT_USER":      name128,
	"APP_NAME":          name128,
	"HOST_NAME":         name128,
	"HAS_PERMS_BY_NAME": wholeInt, // (securable, class, right)
	"HAS_DBACCESS":      wholeInt,
	"IS_SRVROLEMEMBER":  wholeInt, // (role)
	"IS_MEMBER":         wholeInt,
	"IS_ROLEMEMBER":     wholeInt,
	"SERVERPROPERTY":    name128, // only within CAST; text, or int64 where it is a number
	"GETDATE":           {Kind: sqltype.DateTime},
	"SYSDATETIME":       {Kind: sqltype.DateTime2, Scale: 7},
	"@@VERSION":         {Kind: sqltype.NVarChar, Length: 300},
	"@@SERVERNAME":      name128,
	"@@SPID":            smallInt,
	"@@TRANCOUNT":       wholeInt,
	"@@LOCK_TIMEOUT":    wholeInt,
}

var (
	name128  = sqltype.Type{Kind: sqltype.NVarChar, Length: 128}
	wholeInt = sqltype.Type{Kind: sqltype.Int}
	smallInt = sqltype.Type{Kind: sqltype.SmallInt}
)
