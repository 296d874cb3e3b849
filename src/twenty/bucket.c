#include "flitmig.h"
#include "twenty/twenty.h"
void bucket_init(Bucket *b, int m, int w) { memset(b,0,sizeof(*b)); }
