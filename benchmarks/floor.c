/* One decision in one fused function: the least that this work costs on this machine.
 *
 * Same rules, same model arrays, same arbitration and same integration of selection probabilities as Opportune, over
 * values that were looked up beforehand, answering with the three chosen actions, their probabilities and all stages.
 *
 * Notation: n actions, np padded to 16; place k of 3; m, s mean and standard deviation of a contender's draw.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define PLACES 3
#define SINGLE 6 /* clauses of a rule; atom 0 is always true */
#define DOUBLE 2 /* of them with a second atom; atom 1 is never true */
/* BOUND, NODES, NODES_LEAST, NODES_MOST, REACH, POOL_REACH, NORMAL_REACH and NORMAL_FACTORS come from the command line, so
 * that both integrate alike. */
#define WIDE ((BOUND + 8) & ~7)
#define GRID (NODES + NODES_LEAST * (BOUND + 1) + 8)
#define LEAST_BELOW 1e-30f

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

typedef float lane __attribute__((vector_size(64), aligned(64)));
enum { LANES = 16, TILE = 8 }; /* a tile of 8 x 16 actions keeps mean and variance in registers */

typedef struct {
    int32_t n, np, atoms, levels, dense, rows, tp;
    /* rules: tests grouped by attribute, then clauses as indices of tests, [clause][np] */
    const int32_t *number_of;  /* [atoms] index of the number or category that an atom looks at */
    const float *low, *high;   /* [atoms] number atoms come first: low <= x < high */
    const uint32_t *mask;      /* [levels] then category atoms: bit of the level is set */
    const int32_t *first;      /* [SINGLE][np] */
    const int32_t *second;     /* [DOUBLE][np] */
    /* model: [row][2][np] and [row][2][tp] */
    const float *joint, *top;
    const int32_t *group_of;   /* [np] */
    /* goals */
    const float *value, *shown, *boost; /* [np] */
    double scale, floor;
    /* room to work */
    int32_t *truth;            /* [atoms + levels + 2] */
    float *mean, *spread, *propensity; /* [np] */
    int32_t *alive, *contender; /* [np + 1] */
    double *m, *s, *near_m, *near_s, *chance; /* [np + 1] */
} plan;

typedef struct {
    const float *numbers;      /* looked-up values */
    const int32_t *categories;
    const float *features;     /* [dense] */
    const int64_t *active;     /* [rows] */
    const double *uniform;     /* [PLACES] */
    uint8_t *stages;           /* [np] 0: passed the gate, 1: dropped; 2: shown */
    int32_t *chosen;           /* [PLACES] */
    double *probability;       /* [PLACES] */
    double nanoseconds;
} contact;

static void gate(const plan *restrict p, const contact *restrict c) {
    int32_t *restrict truth = p->truth;
    uint8_t *restrict stages = c->stages;
    const int np = p->np;
    truth[0] = 1;
    truth[1] = 0;
    for (int i = 0; i < p->atoms; i++) {
        const float x = c->numbers[p->number_of[i]];
        truth[2 + i] = (x >= p->low[i]) & (x < p->high[i]);
    }
    for (int i = 0; i < p->levels; i++)
        truth[2 + p->atoms + i] = (p->mask[i] >> c->categories[p->number_of[p->atoms + i]]) & 1;
    for (int i = 0; i < np; i++) {
        int32_t passed = 1;
        for (int k = 0; k < DOUBLE; k++) passed &= truth[p->first[k * np + i]] | truth[p->second[k * np + i]];
        for (int k = DOUBLE; k < SINGLE; k++) passed &= truth[p->first[k * np + i]];
        stages[i] = passed ^ 1;
    }
}

static inline float exponential(float x) {
    /* e^x = 2^k * e^r with |r| <= ln(2)/2; degree 6 is right to 2e-7. Arguments lie in +-15. */
    const float k = rintf(x * 1.44269504f);
    const float r = x - k * 0.693359375f + k * 2.12194440e-4f;
    float y = r * 1.3888889e-3f + 8.3333333e-3f;
    y = y * r + 4.1666667e-2f;
    y = y * r + 1.6666667e-1f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    const int32_t bits = ((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return y * power;
}

static void score(const plan *restrict p, const contact *restrict c) {
    const int np = p->np, tp = p->tp;
    float above[2][tp];
    memset(above, 0, sizeof above);
    for (int f = 0; f < p->dense + p->rows; f++) {
        const int64_t row = f < p->dense ? f : c->active[f - p->dense];
        const float x = f < p->dense ? c->features[f] : 1.0f;
        if (x == 0.0f) continue;
        const float *restrict weights = p->top + row * 2 * tp;
        for (int t = 0; t < tp; t++) {
            above[0][t] += x * weights[t];
            above[1][t] += x * x * weights[tp + t];
        }
    }
    for (int tile = 0; tile < np; tile += LANES * TILE) {
        const int tiles = (np - tile) / LANES < TILE ? (np - tile) / LANES : TILE;
        lane mean[TILE], variance[TILE];
        for (int v = 0; v < TILE; v++) {
            mean[v] = (lane){0};
            variance[v] = (lane){0};
        }
        for (int f = 0; f < p->dense; f++) {
            const float x = c->features[f], square = x * x;
            if (x == 0.0f) continue;
            const lane *restrict weights = (const lane *)(p->joint + (int64_t)f * 2 * np + tile);
            const lane *restrict variances = (const lane *)(p->joint + (int64_t)f * 2 * np + np + tile);
            if (tiles == TILE) {
                UNROLL for (int v = 0; v < TILE; v++) {
                    mean[v] += x * weights[v];
                    variance[v] += square * variances[v];
                }
            } else {
                for (int v = 0; v < tiles; v++) {
                    mean[v] += x * weights[v];
                    variance[v] += square * variances[v];
                }
            }
        }
        for (int f = 0; f < p->rows; f++) {
            const lane *restrict weights = (const lane *)(p->joint + c->active[f] * 2 * np + tile);
            const lane *restrict variances = (const lane *)(p->joint + c->active[f] * 2 * np + np + tile);
            if (tiles == TILE) {
                UNROLL for (int v = 0; v < TILE; v++) {
                    mean[v] += weights[v];
                    variance[v] += variances[v];
                }
            } else {
                for (int v = 0; v < tiles; v++) {
                    mean[v] += weights[v];
                    variance[v] += variances[v];
                }
            }
        }
        for (int v = 0; v < tiles; v++) {
            *(lane *)(p->mean + tile + v * LANES) = mean[v];
            *(lane *)(p->spread + tile + v * LANES) = variance[v];
        }
    }
    float *restrict priority = p->mean, *restrict spread = p->spread, *restrict propensity = p->propensity;
    const float *restrict value = p->value, *restrict shown = p->shown, *restrict boost = p->boost;
    const int32_t *restrict group_of = p->group_of;
    for (int i = 0; i < np; i++) {
        float odds = priority[i] + above[0][0] + above[0][group_of[i]];
        const float deviation = sqrtf(spread[i] + above[1][0] + above[1][group_of[i]]);
        odds = fminf(fmaxf(odds, -15.0f), 15.0f);
        const float chance = 1.0f / (1.0f + exponential(-odds));
        const float gain = chance * value[i];
        propensity[i] = chance;
        priority[i] = (gain + shown[i]) * boost[i];
        spread[i] = fabsf(gain) * (1.0f - chance) * deviation * boost[i];
    }
}

static const float NORMAL[] = {NORMAL_FACTORS};

/* Cumulative normal at x by the fitted polynomial, innermost factor first. */
static inline float normal_below(double distance) {
    float x = (float)distance;
    x = x < (float)NORMAL_REACH ? x : (float)NORMAL_REACH;
    x = x > (float)-NORMAL_REACH ? x : (float)-NORMAL_REACH;
    const float u = x * x;
    float total = NORMAL[8];
    for (int k = 7; k >= 0; k--) total = total * u + NORMAL[k];
    return total * x + 0.5f;
}

static inline float power(float base, int times) {
    float result = 1.0f;
    for (; times; times >>= 1, base = base * base > 1e-15f ? base * base : 1e-15f)
        if (times & 1) result *= base;
    return result > LEAST_BELOW ? result : LEAST_BELOW;
}

/* Chance of each of `count` contenders (the last stands for `pool` equals) to draw the largest. */
static void integrate(const double *restrict m, const double *restrict s, int count, double pool,
                      double *restrict chances) {
    const int wide = (count + 7) & ~7;
    int q = NODES / count;
    q = q < NODES_LEAST ? NODES_LEAST : q > NODES_MOST ? NODES_MOST : q;
    double lowest = -1e300;
    for (int i = 0; i < count; i++) {
        const double low = m[i] - REACH * s[i];
        lowest = low > lowest ? low : lowest;
    }
    double nodes[GRID], grid[GRID];
    int filled = 1;
    nodes[0] = lowest;
    for (int i = 0; i < count; i++) {
        const double reach = pool > 1.0 && i == count - 1 ? POOL_REACH : REACH;
        for (int k = 0; k < q; k++) {
            const double z = m[i] + s[i] * reach * ((k + (i + 0.5) / count) * (2.0 / q) - 1.0);
            nodes[filled] = z;
            filled += z > lowest; /* nodes at the lower end count once */
        }
    }
    /* Sort by counting who is smaller: no branches, and the vectors are short. */
    for (int i = 0; i < filled; i++) {
        const double z = nodes[i];
        int64_t rank = 0;
        for (int j = 0; j < filled; j++) rank += (nodes[j] < z) | ((nodes[j] == z) & (j < i));
        grid[rank] = z;
    }
    double slope[WIDE], offset[WIDE], gained[WIDE];
    float below[WIDE], before[WIDE], others_before[WIDE], together[GRID];
    for (int i = 0; i < wide; i++) {
        /* padding lies far below all: always surely below, it changes nothing */
        slope[i] = i < count ? 1.0 / s[i] : 0.0;
        offset[i] = i < count ? -m[i] * slope[i] : 1e9;
        gained[i] = 0.0;
    }
    if (pool > 1.0)
        for (int g = 0; g < filled; g++) {
            together[g] = power(normal_below(grid[g] * slope[count - 1] + offset[count - 1]), (int)pool);
        }
    for (int g = 0; g < filled; g++) {
        const double z = grid[g];
        for (int i = 0; i < wide; i++) below[i] = normal_below(z * slope[i] + offset[i]);
        if (pool > 1.0) below[count - 1] = together[g];
        float product = 1.0f;
        for (int i = 0; i < wide; i++) product *= below[i];
        product = product > LEAST_BELOW ? product : LEAST_BELOW;
        if (g == 0) {
            for (int i = 0; i < wide; i++) {
                before[i] = below[i];
                others_before[i] = product / below[i];
            }
            continue;
        }
        for (int i = 0; i < wide; i++) {
            const float others = product / below[i];
            gained[i] += (below[i] - before[i]) * (others + others_before[i]);
            before[i] = below[i];
            others_before[i] = others;
        }
    }
    double total = 0.0;
    for (int i = 0; i < count; i++) {
        gained[i] += 1e-300 * (i == count - 1 ? pool : 1.0);
        total += gained[i];
    }
    for (int i = 0; i < count; i++) chances[i] = gained[i] / total;
}

/* m, s: draws of the contenders, in candidate order. */
static void shares(const double *restrict m, const double *restrict s, int count, double *restrict chance) {
    double own_m[BOUND + 1], own_s[BOUND + 1], top[BOUND], chances[BOUND + 1];
    int32_t who[BOUND];
    if (count == 1) {
        chance[0] = 1.0;
        return;
    }
    if (count <= BOUND) {
        integrate(m, s, count, 1.0, chance);
        return;
    }
    /* The BOUND with the highest upper ends stand alone, kept in falling order; the others are pooled. */
    double sum_m = 0.0, sum_s = 0.0;
    int kept = 0;
    const int pooled = count - BOUND;
    for (int i = 0; i < count; i++) {
        const double upper = m[i] + REACH * s[i];
        sum_m += m[i];
        sum_s += s[i];
        if (kept == BOUND && upper <= top[BOUND - 1]) continue;
        int at = kept < BOUND ? kept++ : BOUND - 1;
        for (; at > 0 && top[at - 1] < upper; at--) {
            top[at] = top[at - 1];
            who[at] = who[at - 1];
        }
        top[at] = upper;
        who[at] = i;
    }
    for (int k = 0; k < BOUND; k++) {
        sum_m -= own_m[k] = m[who[k]];
        sum_s -= own_s[k] = s[who[k]];
    }
    own_m[BOUND] = sum_m / pooled;
    own_s[BOUND] = sum_s / pooled;
    integrate(own_m, own_s, BOUND + 1, pooled, chances);
    for (int i = 0; i < count; i++) chance[i] = chances[BOUND] / pooled;
    for (int k = 0; k < BOUND; k++) chance[who[k]] = chances[k];
}

/* The candidates that passed the gate, side by side. */
static int gather(const plan *restrict p, const contact *restrict c) {
    int alive = 0;
    for (int i = 0; i < p->n; i++) {
        p->alive[alive] = i;
        alive += c->stages[i] == 0;
    }
    double largest = 0.0;
    for (int k = 0; k < alive; k++) {
        const int i = p->alive[k];
        p->m[k] = p->mean[i];
        p->s[k] = p->spread[i] * p->scale;
        largest = fabs(p->m[k]) > largest ? fabs(p->m[k]) : largest;
    }
    const double least = largest * 1e-9 > 1e-30 ? largest * 1e-9 : 1e-30;
    for (int k = 0; k < alive; k++) p->s[k] = p->s[k] > least ? p->s[k] : least;
    return alive;
}

/* Draw one place and take the drawn out of the alive. */
static int place(const plan *restrict p, contact *restrict c, int number, int alive) {
    double *restrict m = p->m, *restrict s = p->s;
    double *restrict near_m = p->near_m, *restrict near_s = p->near_s;
    int32_t *restrict contender = p->contender;
    c->chosen[number] = -1;
    c->probability[number] = 0.0;
    if (!alive) return 0;
    double lowest = -1e300;
    for (int k = 0; k < alive; k++) {
        const double low = m[k] - REACH * s[k];
        lowest = low > lowest ? low : lowest;
    }
    int count = 0;
    for (int k = 0; k < alive; k++) {
        contender[count] = k;
        near_m[count] = m[k];
        near_s[count] = s[k];
        count += m[k] + REACH * s[k] >= lowest;
    }
    shares(near_m, near_s, count, p->chance);
    const double rest = p->floor / alive;
    double total = rest * (alive - count);
    for (int i = 0; i < count; i++) {
        p->chance[i] = p->chance[i] * (1.0 - p->floor) + rest;
        total += p->chance[i];
    }
    /* contenders first, then the others, each in candidate order */
    const double target = c->uniform[number] * total;
    double running = 0.0, probability = rest;
    int i = 0, drawn = -1;
    for (; i < count; i++) {
        running += p->chance[i];
        if (running > target) break;
    }
    if (i < count || count == alive) {
        i = i < count ? i : count - 1;
        drawn = contender[i];
        probability = p->chance[i];
    } else {
        int left = (int)((target - running) / rest);
        left = left < alive - count ? left : alive - count - 1;
        for (int k = 0, next = 0; left >= 0; k++) {
            const int contends = next < count && contender[next] == k;
            next += contends;
            left -= !contends;
            drawn = k;
        }
    }
    c->chosen[number] = p->alive[drawn];
    c->probability[number] = probability;
    c->stages[p->alive[drawn]] = 2;
    memmove(m + drawn, m + drawn + 1, sizeof(double) * (alive - drawn - 1));
    memmove(s + drawn, s + drawn + 1, sizeof(double) * (alive - drawn - 1));
    memmove(p->alive + drawn, p->alive + drawn + 1, sizeof(int32_t) * (alive - drawn - 1));
    return alive - 1;
}

void floor_decide(const plan *restrict p, contact *restrict c) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    gate(p, c);
    score(p, c);
    int alive = gather(p, c);
    for (int number = 0; number < PLACES; number++) alive = place(p, c, number, alive);
    clock_gettime(CLOCK_MONOTONIC, &end);
    c->nanoseconds = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
}
