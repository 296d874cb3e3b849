#include "source/source.h"
void
import_workbook(Import *import, Input *input)
{
	import_archive(import, input);
}
